"""Texts, names, numbers and times as Postgres and the size of a row allow them."""

from datetime import UTC, datetime
from typing import Any

from shared.events.messages import EARLIEST, LATEST

MAX_CONTENT_CHARACTERS = 1_048_576
MAX_NAME_CHARACTERS = 200
MAX_INTEGER = 2**53 - 1
CUT = "…"


def clean(value: str) -> str:
    """The text without NUL and half surrogate pairs, which Postgres does not accept."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def clean_json(value: Any) -> Any:
    """The value with every text cleaned, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean_json(item) for key, item in value.items()}
    return value


def name_or_none(value: str | None) -> str | None:
    """A name of at most MAX_NAME_CHARACTERS; None for an empty one."""
    return value[:MAX_NAME_CHARACTERS] if value else None


def shortened(value: str, characters: int) -> str:
    """The text, its end replaced by … if it is longer."""
    return value if len(value) <= characters else value[: characters - 1] + CUT


def title_of(value: str) -> str:
    """One line of at most MAX_NAME_CHARACTERS."""
    return shortened(" ".join(value[: MAX_NAME_CHARACTERS * 4].split()), MAX_NAME_CHARACTERS)


def count_or_none(value: Any) -> int | None:
    """A whole number ≥ 0, at most 2^53 − 1 (no real count is that large, see plausible_records.py); else None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return int(min(value, MAX_INTEGER))
    return None


def time_or_none(value: datetime | None) -> datetime | None:
    """An aware time that the database can hold, else None. A naive one is UTC."""
    if value is None:
        return None
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return value if EARLIEST <= value < LATEST else None


def time_of_ms(value: Any) -> datetime | None:
    """The time of milliseconds since 1970; None if it cannot be one."""
    milliseconds = count_or_none(value)
    if milliseconds and milliseconds / 1000 < LATEST.timestamp():
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    return None


MAX_TEXT_CHARACTERS = 2000
MAX_ITEMS = 50
MAX_DEPTH = 6
MAX_TOTAL_CHARACTERS = 16_000


def kept_parameters(parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """The parameters with texts, lists and depth cut to their limits. If they are too long in all, only the short top-level scalars are kept."""
    if parameters is None or _is_small(parameters):
        return parameters
    kept, size = _cut(parameters, MAX_DEPTH)
    if size <= MAX_TOTAL_CHARACTERS:
        return kept if isinstance(kept, dict) else None
    return {
        name[:200]: shortened(value, 200) if isinstance(value, str) else value
        for name, value in list(parameters.items())[:MAX_ITEMS]
        if _is_scalar(value)
    }


def _is_small(parameters: dict[str, Any]) -> bool:
    """Whether no limit can be exceeded. True for most: a few short texts."""
    size = 0
    for name, value in parameters.items():
        if isinstance(value, str):
            size += len(name) + len(value)
        elif isinstance(value, (int, float)) or value is None:
            size += len(name) + 8
        else:
            return False
    # Then no single text can exceed its limit.
    return size <= MAX_TEXT_CHARACTERS and len(parameters) <= MAX_ITEMS


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool)) or value is None


def _cut(value: Any, depth: int) -> tuple[Any, int]:
    """The value, cut, and about how many characters it has."""
    if isinstance(value, str):
        text = shortened(value, MAX_TEXT_CHARACTERS)
        return text, len(text)
    if isinstance(value, dict):
        if depth == 0:
            return {}, 2
        cut = {name[:MAX_TEXT_CHARACTERS]: _cut(item, depth - 1) for name, item in list(value.items())[:MAX_ITEMS]}
        return {name: item for name, (item, _) in cut.items()}, sum(len(name) + size for name, (_, size) in cut.items())
    if isinstance(value, list):
        if depth == 0:
            return [], 2
        items = [_cut(item, depth - 1) for item in value[:MAX_ITEMS]]
        return [item for item, _ in items], sum(size for _, size in items)
    return value, 8
