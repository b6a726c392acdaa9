"""Of events that came over the wire: those whose id is another event's. They were not stored, and are no duplicates.

What is another event has another session or is of another kind; and, as long as the row is what a client said, other content. Where a file has
brought the row too, its readings differ, and only what they agree on is compared (readings.py). Times are never compared: ingest fills them in,
each time anew. Two events of different tables may have one id.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import md5
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection

from services.worker.persist.stage_events import file_key
from services.worker.persist.staging import Received
from shared.messages import Activity, Conversation, Event, SessionEnd, SessionStart, ToolCall

_BY_CLIENT: Final = "coalesce(0 = ANY(brought_by), true)"
# id, session, whether a client's word, what every reading of it agrees on, what a client alone says.
_MESSAGES: Final = f"SELECT id, session_id, {_BY_CLIENT}, role, md5(content) FROM messages WHERE id = ANY(%(ids)s)"
_TOOL_CALLS: Final = f"SELECT id, session_id, {_BY_CLIENT}, tool_name, md5(parameters::text) FROM tool_calls WHERE id = ANY(%(ids)s)"
_ACTIVITIES: Final = f"""
    SELECT id, session_id, {_BY_CLIENT}, file_key::text, concat_ws(' ', action, lines_added, lines_removed) FROM activities WHERE id = ANY(%(ids)s)"""
_SESSION_EVENTS: Final = "SELECT id, session_id, true, kind, '' FROM session_events WHERE id = ANY(%(ids)s)"


class _Said(NamedTuple):
    """`detail` is None where nothing is said of it."""

    what: str
    detail: str | None


class _Kind(NamedTuple):
    rows: str
    said: Callable[[Any], _Said]


def _md5(text: str) -> str:
    return md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _tool_call(event: ToolCall) -> _Said:
    return _Said(event.tool_name, None if event.parameters is msgspec.UNSET else _md5(msgspec.json.encode(event.parameters).decode()))


def _activity(event: Activity) -> _Said:
    return _Said(str(file_key(event.file_path)), f"{event.action} {event.lines_added} {event.lines_removed}")


_START: Final = _Kind(_SESSION_EVENTS, lambda _: _Said("start", ""))
_END: Final = _Kind(_SESSION_EVENTS, lambda _: _Said("end", ""))
_KINDS: Final[dict[type, _Kind]] = {
    Conversation: _Kind(_MESSAGES, lambda event: _Said(event.role, _md5(event.content))),
    ToolCall: _Kind(_TOOL_CALLS, _tool_call),
    Activity: _Kind(_ACTIVITIES, _activity),
    SessionStart: _START,
    SessionEnd: _END,
}


def conflicting(connection: Connection[Any], batch: Sequence[Received]) -> list[Received]:
    """Those of a batch, which is stored, whose id is another event's."""
    rows = {statement: _rows(connection, statement, events) for statement, events in _by_statement(batch).items()}
    return [received for received in batch if isinstance(received.event, Event) and _is_another(received, rows)]


def _by_statement(batch: Iterable[Received]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for received in batch:
        if isinstance(received.event, Event):
            found.setdefault(_KINDS[type(received.event)].rows, []).append(received.event)
    return found


def _rows(connection: Connection[Any], statement: str, events: Iterable[Event]) -> dict[UUID, tuple[Any, ...]]:
    found = connection.execute(statement.encode(), {"ids": [event.id for event in events]}).fetchall()
    return {row[0]: row[1:] for row in found}


def _is_another(received: Received, rows: dict[str, dict[UUID, tuple[Any, ...]]]) -> bool:
    event = received.event
    assert isinstance(event, Event)
    assert event.id is not None
    kind = _KINDS[type(event)]
    row = rows[kind.rows].get(event.id)
    if row is None:
        # Left out, since a transcript has said it.
        return False
    session_id, is_clients_word, what, detail = row
    said = kind.said(event)
    is_of_session = received.is_session_inferred or event.session_id in (session_id, None)
    is_same = said.what == what and (not is_clients_word or None in (said.detail, detail) or said.detail == detail)
    return not (is_of_session and is_same)
