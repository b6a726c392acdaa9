"""Numbers as a person reads them, and the small drawings in tables. None is shown as a dash: not known is not zero."""

from collections.abc import Sequence
from typing import Any, Final

from shared.quantities import UNKNOWN

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_SHADES: Final = " ░▒▓█"


def count(value: int | None) -> str:
    """`1,772`"""
    return UNKNOWN if value is None else f"{value:,}"


def large(value: int | None) -> str:
    """`950`, `9.9 k`, `132.5 M`, `1.2 G`"""
    if value is None:
        return UNKNOWN
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return str(value)


def usd(value: float | None, unpriced_calls: int = 0) -> str:
    """`$95.33`; `$95.33+` if some API calls in it have no known price."""
    if value is None:
        return UNKNOWN
    return f"${value:,.2f}{'+' if unpriced_calls else ''}"


def lines(added: int | None, removed: int | None) -> str:
    """`+379 −43`"""
    if added is None or removed is None:
        return UNKNOWN
    return f"+{added:,} −{removed:,}" if added or removed else "0"


def bar(value: float | None, most: float, width: int) -> str:
    """A bar of up to `width` characters, in eighths of one."""
    if not value or most <= 0:
        return ""
    eighths = max(round(value / most * width * 8), 1)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def sparkline(values: Sequence[float]) -> str:
    """One character for each value; a space for zero."""
    most = max(values, default=0)
    return "".join(_LEVELS[min(int(value / most * len(_LEVELS)), len(_LEVELS) - 1)] if value else " " for value in values) if most else ""


def shade(value: float, most: float) -> str:
    """One character, darker for more."""
    if not value or most <= 0:
        return "·"
    return _SHADES[min(1 + int(value / most * (len(_SHADES) - 1)), len(_SHADES) - 1)]


def cut(text: str, most: int) -> str:
    """The text, of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def plain(value: Any) -> str:
    """A value for CSV: empty for None, JSON's words for true and false, commas between the texts of a list."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
