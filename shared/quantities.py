"""Times and shares as people read them: rounded once, from the exact value, half up. None is a dash: not known is not zero.

The dashboard does the same (source/format/quantities.ts); tests/quantities.json has the cases that both are held to.
"""

from math import floor
from typing import Final

UNKNOWN: Final = "–"


def minutes(value: float | None) -> str:
    """`57 min`, `6 h 57 min`, `121 h`; `<1 min` if it is not 0."""
    if value is None:
        return UNKNOWN
    if 0 < value < 1:
        return "<1 min"
    hours, rest = divmod(_whole(value), 60)
    if hours == 0:
        return f"{rest} min"
    return f"{hours:,} h" if hours >= 100 else f"{hours} h {rest:02} min"


def duration(milliseconds: float | None) -> str:
    """`250 ms`, `1.9 s`, `3 min 05 s`, `6 h 57 min`. Each unit is used until its own rounding would reach the next."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds == 0:
        return "0 s"
    if (whole := _whole(milliseconds)) < 1_000:
        return f"{whole} ms" if whole else "<1 ms"
    if (tenths := _whole(milliseconds / 100)) < 600:
        return f"{tenths // 10}.{tenths % 10} s"
    if (seconds := _whole(milliseconds / 1_000)) < 3_600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return minutes(milliseconds / 60_000)


def percent(share: float | None) -> str:
    """`5.8 %`, `42 %`: with one decimal below ten; `<0.1 %` if it is not 0."""
    if share is None:
        return UNKNOWN
    tenths = _whole(share * 1_000)
    if share > 0 and tenths == 0:
        return "<0.1 %"
    return f"{tenths // 10}.{tenths % 10} %" if 0 < tenths < 100 else f"{_whole(share * 100)} %"


def _whole(value: float) -> int:
    """Half up, as JavaScript's Math.round. Python's own round() goes to the even neighbour."""
    return floor(value + 0.5)
