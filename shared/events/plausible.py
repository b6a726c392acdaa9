"""Bounds of plausible values in events. Ingest answers 400 to values beyond them; the worker and importers store the rest without them.

With these bounds no sum in a bigint column can overflow: it would take ten thousand million events of the largest values. The other sums are
numeric (docs/adr/0027).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import fields

from shared.events.event_kinds import KINDS
from shared.events.messages import Event

# Claude Code did not exist before. A clock that was never set says 1970, 1980 or 2000. With MAX_AHEAD this bounds the length of a session too.
EARLIEST_EVENT: Final = datetime(2020, 1, 1, tzinfo=UTC)
# Allows a clock that is a day ahead and a local time that was sent as UTC, both at once.
MAX_AHEAD: Final = timedelta(days=2)


class Excess(NamedTuple):
    """A count of an event that cannot be true. `path` says where it is in the event, as in "usage.input_tokens"; `holder` has the field `name`."""

    holder: Struct
    name: str
    path: str
    most: int


def _bounds(most: Mapping[str, int]) -> tuple[tuple[str | None, str, str, int], ...]:
    """(field of the event that holds the count, None for the event itself; name; path; the most)."""
    return tuple((path.rpartition(".")[0] or None, path.rpartition(".")[2], path, bound) for path, bound in most.items())


# Computed once, since ingest and the worker check every event.
_BOUNDS: Final = {struct: _bounds(kind.most) for struct, kind in KINDS.items()}


def time_field(struct: type[Event]) -> str:
    """The field that says when an event of this kind happened."""
    return KINDS[struct].time_field


def objection_to_time(time: datetime, received_at: datetime) -> str | None:
    """Why an event that was received at `received_at` cannot have happened at `time`; None if it can."""
    if time < EARLIEST_EVENT:
        return f"is before {EARLIEST_EVENT:%Y}; check the client's clock"
    if time > received_at + MAX_AHEAD:
        return f"is more than {MAX_AHEAD.days} days after it was received; check the client's clock"
    return None


def too_large(event: Event) -> Iterator[Excess]:
    """The counts of an event that cannot be true."""
    for part, name, path, most in _BOUNDS[type(event)]:
        holder: Struct | None = getattr(event, part) if part else event
        if holder is not None and (getattr(holder, name) or 0) > most:
            yield Excess(holder, name, path, most)


def leave_out(event: Event, received_at: datetime) -> list[str]:
    """Removes from an event, in place, what cannot be true, as if the client had left it out. Returns the fields' names.

    For events that an ingest with other bounds accepted. A time that cannot be true becomes the time at which the event was received.
    """
    names = []
    for excess in too_large(event):
        setattr(excess.holder, excess.name, _left_out(excess))
        names.append(excess.name)
    field = time_field(type(event))
    time: datetime | None = getattr(event, field)
    if time is not None and objection_to_time(time, received_at):
        setattr(event, field, received_at)
        names.append(field)
    return names


def _left_out(excess: Excess) -> Any:
    """The field's value if a client omits it: 0, or None for an unknown value."""
    return next(each.default for each in fields(excess.holder) if each.name == excess.name)
