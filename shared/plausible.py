"""What can be believed of an event. Ingest answers 400 beyond it; the worker and the importers leave out what is beyond it, and store the rest.

With these bounds no sum of a bigint column can overflow: it would take ten thousand million events of the largest values. Sums for which that does
not hold are numeric (docs/adr/0027).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.messages import Activity, Conversation, Event, SessionEnd, SessionStart, ToolCall, Usage

# Of one event: lines of a file, tokens of an API call, a tool's time.
MAX_LINES: Final = 10_000_000
MAX_TOKENS: Final = 100_000_000
MAX_DURATION_MS: Final = 7 * 24 * 3600 * 1000

# Claude Code is younger. A clock that was never set says 1970, 1980 or 2000. With MAX_AHEAD it also bounds how long a session can be.
EARLIEST_EVENT: Final = datetime(2020, 1, 1, tzinfo=UTC)
# A clock that is a day off, and a local time that was sent as if it were UTC, both at once.
MAX_AHEAD: Final = timedelta(days=2)

_TIME_FIELD: Final[dict[type[Event], str]] = {
    SessionStart: "start_time",
    SessionEnd: "end_time",
    Conversation: "timestamp",
    Activity: "timestamp",
    ToolCall: "timestamp",
}
# By type, the largest value of each of its counts.
MOST: Final[dict[type, dict[str, int]]] = {
    Activity: {"lines_added": MAX_LINES, "lines_removed": MAX_LINES},
    ToolCall: {"execution_time_ms": MAX_DURATION_MS},
    Usage: {
        "input_tokens": MAX_TOKENS,
        "output_tokens": MAX_TOKENS,
        "cache_creation_input_tokens": MAX_TOKENS,
        "cache_read_input_tokens": MAX_TOKENS,
    },
}


def time_field(kind: type[Event]) -> str:
    """The field that says when an event of this kind happened."""
    return _TIME_FIELD[kind]


def objection_to_time(time: datetime, received_at: datetime) -> str | None:
    """Why an event that was received then cannot have happened at `time`; None if it can."""
    if time < EARLIEST_EVENT:
        return f"is before {EARLIEST_EVENT:%Y}; check the client's clock"
    if time > received_at + MAX_AHEAD:
        return f"is more than {MAX_AHEAD.days} days after it was received; check the client's clock"
    return None


def too_large(event: Event) -> Iterator[tuple[Activity | ToolCall | Usage, str, int]]:
    """The counts of an event that cannot be true: what holds the field, its name, and the most that can."""
    if isinstance(event, Activity | ToolCall):
        holder: Activity | ToolCall | Usage = event
    elif isinstance(event, Conversation) and event.usage is not None:
        holder = event.usage
    else:
        return
    for name, most in MOST[type(holder)].items():
        if (getattr(holder, name) or 0) > most:
            yield holder, name, most


def leave_out(event: Event, received_at: datetime) -> list[str]:
    """Makes an event that an older release let in one that can be believed, in place: as if the client had not said what cannot be true. The fields' names.

    The time of an event that says none is that at which it was received.
    """
    names = [name for holder, name, _ in too_large(event) if _forget(holder, name)]
    field = time_field(type(event))
    time: datetime | None = getattr(event, field)
    if time is not None and objection_to_time(time, received_at):
        setattr(event, field, received_at)
        names.append(field)
    return names


def _forget(holder: Activity | ToolCall | Usage, name: str) -> bool:
    setattr(holder, name, None if isinstance(holder, ToolCall) else 0)
    return True
