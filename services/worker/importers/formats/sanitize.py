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
