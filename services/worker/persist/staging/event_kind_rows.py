"""The worker's half of the registry of event kinds (shared/events/event_kinds.py): the records that an event becomes, and what tells two events apart.

An event has one row in the table that its entry names. Every `match` ends in `assert_never`: mypy then finds a kind that has no case, and at run
time its event becomes a dead letter and is not lost.
"""

from collections.abc import Callable, Iterator
from functools import cache
from hashlib import md5
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar, assert_never
from uuid import UUID

import msgspec
from msgspec import Struct

from services.worker.persist.derived_values.cut_results import ALL, result_of_event
from services.worker.persist.derived_values.error_classes import error_class_of
from services.worker.persist.derived_values.outcomes_of_calls import outcome_of
from services.worker.persist.records import ApiCall, FileChange, KeptResults, Message, Record, SessionBoundary, ToolUse
from shared.events.messages import Activity, Conversation, Event, GivenResult, SessionEnd, SessionStart, ToolCall

R = TypeVar("R", bound=Struct)

_json = msgspec.json.Encoder()

# A row that files have brought too has no `detail` to compare: their versions differ.
_IS_CLIENTS_ALONE: Final = "coalesce(0 >= ANY(brought_by), true)"

# {table of events: a SELECT over %(ids)s}: id, session_id, whether the row is a client's alone, and both fields of Identity.
IDENTITIES: Final[dict[str, str]] = {
    # `detail` is not known of a message whose text was dropped (persist/dropped_texts.py).
    "messages": f"""
        SELECT id, session_id, {_IS_CLIENTS_ALONE}, role,
            CASE WHEN NOT EXISTS (SELECT FROM dropped_texts AS d WHERE d.session_id = m.session_id AND m.occurred_at < d.before)
                AND NOT (session_id IS NULL AND content = '') THEN md5(content) END
        FROM messages AS m WHERE id = ANY(%(ids)s)""",
    "tool_calls": f"SELECT id, session_id, {_IS_CLIENTS_ALONE}, tool_name, md5(parameters::text) FROM tool_calls WHERE id = ANY(%(ids)s)",
    "session_events": "SELECT id, session_id, true, kind, '' FROM session_events WHERE id = ANY(%(ids)s)",
    "activities": f"""
        SELECT id, session_id, {_IS_CLIENTS_ALONE}, file_key::text, concat_ws(' ', action, lines_added, lines_removed)
        FROM activities WHERE id = ANY(%(ids)s)""",
}


class Identity(NamedTuple):
    """Identifies an event that is sent again, apart from its id and session. `detail` is None if the row does not record it."""

    what: str
    detail: str | None


def identity_of(event: Event) -> Identity:
    """As the table's `identities` has it of a stored row. Never a time: ingest fills it in, each time anew."""
    match event:
        case ToolCall():
            has_parameters = event.parameters is not msgspec.UNSET
            return Identity(event.tool_name, _md5(_json.encode(event.parameters).decode()) if has_parameters else None)
        case Conversation():
            return Identity(event.role, _md5(event.content))
        case Activity():
            return Identity(str(file_key(event.file_path)), f"{event.action} {event.lines_added} {event.lines_removed}")
        case SessionStart():
            return Identity("start", "")
        case SessionEnd():
            return Identity("end", "")
        case _:
            assert_never(event)


def _md5(text: str) -> str:
    return md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def records_of(event: Event, kept_results: KeptResults = ALL) -> Iterator[Record | Event]:
    """One record for each row of an event; the event itself if no importer has such records.

    ValueError if it cannot be a row, AssertionError if its kind is not known here.
    """
    match event:
        case ToolCall():
            parameters = None if event.parameters is msgspec.UNSET else event.parameters
            given = event.result.text if isinstance(event.result, GivenResult) else event.result or ""
            # No client says who allowed it.
            yield _record(
                ToolUse,
                event,
                status=event.result_status,
                duration_ms=event.execution_time_ms,
                duration_source=None if event.execution_time_ms is None else "reported",
                parameters=parameters,
                result=result_of_event(event, kept_results),
                error_class=error_class_of(event.tool_name, event.result_status, given),
                outcome=outcome_of(event.tool_name, event.result_status, parameters, given),
            )
        case Conversation():
            yield _record(Message, event)
            if (usage := event.usage) is not None:
                # The tokens that the message says it used.
                yield _record(
                    ApiCall,
                    event,
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_write_5m_tokens=usage.cache_creation_input_tokens,
                    cache_read_tokens=usage.cache_read_input_tokens,
                )
        case Activity():
            yield _record(FileChange, event)
        case SessionStart():
            yield _record(SessionBoundary, event, kind="start", timestamp=event.start_time)
        case SessionEnd():
            yield _record(SessionBoundary, event, kind="end", timestamp=event.end_time)
        case _:
            # Without this, nothing of it would be stored and it would still be acknowledged.
            assert_never(event)


def _record(record: type[R], event: Event, **made: Any) -> R:
    """The record with the event's fields of the same name, and with what is made of others. AssertionError if ingest left out id or time."""
    names, get = _in_both(record, type(event))
    values = dict(zip(names, get(event), strict=True)) | made
    assert values["id"] is not None
    assert values["timestamp"] is not None
    return record(**values)


@cache
def _in_both(record: type[Struct], event: type[Struct]) -> tuple[list[str], Callable[[Event], tuple[Any, ...]]]:
    names = [name for name in record.__struct_fields__ if name in event.__struct_fields__]
    return names, attrgetter(*names)


def file_key(file_path: str) -> UUID:
    """The key of a path in `files`: its md5, since a path may be longer than an index entry."""
    return UUID(bytes=md5(file_path.encode("utf-8", "replace"), usedforsecurity=False).digest())
