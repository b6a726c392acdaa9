"""Takes the lines of a time out of a transcript: they become empty, so that the number of lines stays."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct


class Span(NamedTuple):
    """From the first time, before the second."""

    from_at: datetime
    to_at: datetime


class _Timed(Struct):
    timestamp: datetime | None = None


_decode: Final = msgspec.json.Decoder(_Timed).decode


def without_lines(content: bytes, spans: Sequence[Span]) -> bytes:
    """The same object if no line is of one of the spans. A line without a time goes with the line before it; the first ones with the one behind them."""
    lines = content.split(b"\n")
    times = [_time_of(line) for line in lines]
    at = next((time for time in times if time is not None), None)
    is_changed = False
    for number, (line, time) in enumerate(zip(lines, times, strict=True)):
        at = time or at
        if line and at is not None and any(span.from_at <= at < span.to_at for span in spans):
            lines[number], is_changed = b"", True
    return b"\n".join(lines) if is_changed else content


def _time_of(line: bytes) -> datetime | None:
    try:
        found = _decode(line).timestamp
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # Not JSON, or without a time that could be one.
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
