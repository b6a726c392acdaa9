"""What a stored batch tells the live feed (shared/feed.py): the sessions that started, ended or were reopened by it, and its new rows.

Nothing depends on the feed. So a session's state is looked up without waiting for locks, and a feed that cannot be written is only logged.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import structlog
from psycopg import Connection
from redis import Redis

from services.worker.persist.records import Record
from services.worker.persist.staging import ReceivedEvent
from shared.feed import FEED_ENTRIES, FEED_KEY, ITEMS_FIELD, TEXT_CHARACTERS, FeedItem, Kind, encode_items
from shared.messages import Activity, Conversation, Event, ToolCall
from shared.redis.clients import REDIS_ERRORS

log = structlog.get_logger()

_IS_OPEN: Final = (
    "last_event_at IS NOT NULL AND NOT (coalesce(ended_at >= last_event_at, false) OR coalesce(idle_closed_at >= last_event_at, false))"
)
_STATES: Final = f"SELECT session_id, {_IS_OPEN} FROM sessions WHERE counted AND session_id = ANY(%(session_ids)s)"
_SESSIONS: Final = f"""
    SELECT s.session_id, {_IS_OPEN}, nullif(s.project_id, 0), p.name, u.name,
        (SELECT max(machine_id) FROM session_machines AS m WHERE m.session_id = s.session_id), s.title,
        CASE WHEN s.ended_at >= s.last_event_at THEN 'explicit' ELSE 'idle' END, least(s.started_at, s.first_event_at), s.last_event_at
    FROM sessions AS s LEFT JOIN projects AS p ON p.id = s.project_id LEFT JOIN users AS u ON u.id = s.user_id
    WHERE s.counted AND s.session_id = ANY(%(session_ids)s)"""
# A repeated event has not changed the row, which still has the time at which the first one was received.
_NEW_IDS: Final = """
    WITH sent AS (SELECT * FROM unnest(%(ids)s::uuid[], %(received)s::timestamptz[]) AS s (id, received_at))
    SELECT id FROM sent JOIN tool_calls USING (id, received_at)
    UNION ALL SELECT id FROM sent JOIN messages USING (id, received_at)
    UNION ALL SELECT id FROM sent JOIN activities USING (id, received_at)"""


class _Session(NamedTuple):
    """A session after the batch."""

    session_id: str
    is_open: bool
    project_id: int | None
    project_name: str | None
    user: str | None
    machine_id: str | None
    title: str | None
    end_reason: str
    started_at: datetime | None
    last_event_at: datetime | None


_NO_SESSION: Final = _Session("", False, None, None, None, None, None, "", None, None)


def session_states(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> dict[str, bool]:
    """Of the batch's sessions that are known already: whether each is open. To be asked for before the batch is stored."""
    return dict(connection.execute(_STATES, {"session_ids": _session_ids(batch)}).fetchall())


def feed_items(
    connection: Connection[Any], batch: Sequence[ReceivedEvent], dead: Iterable[ReceivedEvent], duplicates: int, before: dict[str, bool]
) -> list[FeedItem]:
    """What a batch of the wire brought, in its order. In the transaction that stored it; `before` are its sessions' states before that.

    A repeated event gives nothing.
    """
    sessions = _sessions(connection, _session_ids(batch))
    stored = batch
    if dead_objects := set(map(id, dead)):
        stored = [received for received in batch if id(received) not in dead_objects]
    if duplicates:
        stored = _without_repeated(connection, stored)
    is_new = {session_id: session_id not in before for session_id in sessions}
    began = [
        _session_item("session_started" if is_new[each.session_id] else "session_reopened", each, each.started_at)
        for each in sessions.values()
        if is_new[each.session_id] or (each.is_open and not before[each.session_id])
    ]
    ended = [_ended_item(each) for each in sessions.values() if not each.is_open and before.get(each.session_id, True)]
    happened = (_item_of(received.event, sessions.get(_session_id(received) or "", _NO_SESSION)) for received in stored)
    return [*began, *filter(None, happened), *ended]


def ended_items(connection: Connection[Any], session_ids: list[str]) -> list[FeedItem]:
    """That these sessions have ended. In the transaction that closed them."""
    return [_ended_item(session) for session in _sessions(connection, session_ids).values()] if session_ids else []


def append_to_feed(redis: Redis, items: Iterable[FeedItem]) -> None:
    """Appends the items, after the commit."""
    try:
        values = list(encode_items(items))
        if len(values) == 1:
            redis.xadd(FEED_KEY, {ITEMS_FIELD: values[0]}, maxlen=FEED_ENTRIES, approximate=True)
        elif values:
            with redis.pipeline(transaction=False) as pipeline:
                for value in values:
                    pipeline.xadd(FEED_KEY, {ITEMS_FIELD: value}, maxlen=FEED_ENTRIES, approximate=True)
                pipeline.execute()
    except REDIS_ERRORS as error:
        log.warning("feed_not_written", error=type(error).__name__)


def _session_ids(batch: Iterable[ReceivedEvent]) -> list[str]:
    return list({session_id for each in batch if (session_id := _session_id(each)) is not None})


def _session_id(received: ReceivedEvent) -> str | None:
    found: str | None = getattr(received.event, "session_id", None)
    return found


def _sessions(connection: Connection[Any], session_ids: list[str]) -> dict[str, _Session]:
    return {row[0]: _Session(*row) for row in connection.execute(_SESSIONS, {"session_ids": session_ids})}


def _without_repeated(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> list[ReceivedEvent]:
    """The events whose rows are from this batch, each once."""
    sent = {"ids": [each.event.id for each in batch], "received": [each.received_at for each in batch]}
    new_ids = {row[0] for row in connection.execute(_NEW_IDS, sent)}
    found = []
    for received in batch:
        if received.event.id in new_ids:
            new_ids.remove(received.event.id)
            found.append(received)
    return found


def _ended_item(session: _Session) -> FeedItem:
    return _session_item("session_ended", session, session.last_event_at, session.end_reason)


def _session_item(kind: Kind, session: _Session, at: datetime | None, reason: str | None = None) -> FeedItem:
    return FeedItem(kind=kind, timestamp=at, title=session.title, reason=reason, **_belongs_to(session))


def _belongs_to(session: _Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in ("session_id", "project_id", "project_name", "user", "machine_id")}


def _item_of(event: Event | Record, session: _Session) -> FeedItem | None:
    """None for what sessions' states tell, and for what is not shown as it happens."""
    match event:
        case ToolCall():
            return FeedItem(
                kind="tool_started" if event.result_status == "pending" else "tool_finished",
                timestamp=event.timestamp,
                id=event.id,
                session_id=event.session_id,
                project_id=session.project_id,
                project_name=session.project_name,
                user=session.user or event.user,
                machine_id=session.machine_id,
                tool_name=event.tool_name,
                result_status=event.result_status,
                execution_time_ms=event.execution_time_ms,
            )
        case Conversation():
            return FeedItem(
                kind="prompt" if event.role == "user" else "reply",
                timestamp=event.timestamp,
                id=event.id,
                session_id=event.session_id,
                project_id=session.project_id,
                project_name=session.project_name,
                user=session.user,
                machine_id=session.machine_id,
                content=event.content[:TEXT_CHARACTERS],
                model=event.model,
            )
        case Activity():
            return FeedItem(
                kind="file_changed",
                timestamp=event.timestamp,
                id=event.id,
                session_id=event.session_id,
                project_id=session.project_id,
                project_name=session.project_name,
                user=session.user,
                machine_id=session.machine_id,
                file_path=event.file_path,
                action=event.action,
                lines_added=event.lines_added,
                lines_removed=event.lines_removed,
            )
        case _:
            return None
