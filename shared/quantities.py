"""Times, days, shares and counted things as people read them: rounded once, from the exact value, half up. None is a dash: not known is not zero.

The dashboard does the same (source/format/quantities.ts); tests/quantities.json has the cases that both are held to.
"""

from datetime import date
from math import floor
from typing import Final

UNKNOWN: Final = "–"
# In English everywhere, not in the machine's language.
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AGE_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


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
    """`250 ms`, `1.9 s`, `3 min 05 s`, `6 h 57 min`, `3 d 04 h`. Each unit is used until its own rounding would reach the next; hours up to 48."""
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
    if _whole(milliseconds / 60_000) < 2_880:
        return minutes(milliseconds / 60_000)
    days, hours = divmod(_whole(milliseconds / 3_600_000), 24)
    return f"{days:,} d {hours:02} h"


def age(seconds: float | None) -> str:
    """`40 s`, `3 min`, `6 h`, `12 d`: since when, of which only the size counts. Full units, so that it never says more than it is."""
    if seconds is None:
        return UNKNOWN
    whole = max(0, floor(seconds))
    for size, unit in _AGE_UNITS:
        if whole >= size:
            return f"{whole // size:,} {unit}"
    return f"{whole} s"


def percent(share: float | None) -> str:
    """`5.8 %`, `42 %`: with one decimal below ten; `<0.1 %` if it is not 0."""
    if share is None:
        return UNKNOWN
    tenths = _whole(share * 1_000)
    if share > 0 and tenths == 0:
        return "<0.1 %"
    return f"{tenths // 10}.{tenths % 10} %" if 0 < tenths < 100 else f"{_whole(share * 100)} %"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 message`, `1,772 messages`"""
    return f"{count:,} {plural(count, one, many)}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`message` for 1, else `messages`, or `many` if the plural has more than an s."""
    return one if count == 1 else many or f"{one}s"


def _whole(value: float) -> int:
    """Half up, as JavaScript's Math.round. Python's own round() goes to the even neighbour."""
    return floor(value + 0.5)


def day_text(day: date, *, with_year: bool = True, is_aligned: bool = False) -> str:
    """`Mon 16 Feb 2026`; aligned, for a table, `Fri  6 Feb 2026` is as wide."""
    number = f"{day.day:2}" if is_aligned else str(day.day)
    return f"{WEEKDAYS[day.weekday()]} {number} {MONTHS[day.month - 1]}" + (f" {day.year}" if with_year else "")
