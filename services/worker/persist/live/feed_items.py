"""The items of the live feed (shared/feed.py) that a stored batch gives: sessions that it started, ended or reopened, and its new rows.

Nothing depends on the feed. So a session's state is looked up without waiting for locks, and a feed that cannot be written is only logged.
Events that are older than an hour when they arrive are history, and give no item.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from textwrap import dedent
from typing import Any, Final, NamedTuple

import psycopg
import structlog
from psycopg import Connection
from redis import Redis
from sqlalchemy.exc import SQLAlchemyError

from services.worker.lock_order import lock_feed
from services.worker.persist.live.session_signs import RECENT, signs_of_events, store_signs
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.sql_text import sql
from shared.events.messages import EARLIEST, Activity, Conversation, ToolCall
from shared.feed import FEED_ENTRIES, FEED_KEY, ITEMS_FIELD, TEXT_CHARACTERS, FeedItem, Kind, encode_items
from shared.redis.clients import REDIS_ERRORS
from shared.sessions import session_state
from shared.sessions.agent_state import AGENTS, AGENTS_JOIN
from shared.sessions.open_sessions import end_reason, is_open
from shared.sessions.session_state import State, StateSource
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "feed_items.sql")

log = structlog.get_logger()

_IS_OPEN: Final = f"s.last_event_at IS NOT NULL AND {is_open('s')}"
_STATES: Final = f"SELECT s.session_id, {_IS_OPEN} FROM sessions AS s WHERE s.counted AND s.session_id = ANY(%(session_ids)s)"
_SESSIONS: Final = sql(
    _SQL.sessions,
    is_open=_IS_OPEN,
    end_reason=end_reason("s"),
    state=session_state.STATE.strip(),
    source=session_state.SOURCE.strip(),
    since=session_state.SINCE.strip(),
    tool=session_state.TOOL,
    input=session_state.INPUT,
    asks=session_state.ASKS.strip(),
    error=session_state.ERROR,
    signs=dedent(session_state.JOIN).strip(),
    agents=AGENTS,
    agent_signs=dedent(AGENTS_JOIN).strip(),
).encode()


class FeedSession(NamedTuple):
    """A session after a batch."""

    session_id: str
    is_open: bool
    project_id: int | None
    project_name: str | None
    user: str | None
    machine_id: str | None
    title: str | None
    title_source: str | None
    # None while it is open.
    end_reason: str | None
    started_at: datetime | None
    last_event_at: datetime | None
    state: State
    state_source: StateSource | None
    since: datetime | None
    tool_name: str | None
    tool_input: str | None
    asks: str | None
    error: str | None
    # Its subagents, as answers/live.py has them.
    agents: list[dict[str, Any]]

    @property
    def does(self) -> tuple[Any, ...]:
        """The parts of it that are fed: a change of any is an item."""
        agents = tuple((each["agent_id"], each["state"], each["tool_name"]) for each in self.agents)
        return self.state, self.tool_name, self.tool_input, self.asks, self.error, agents

    def owner(self) -> dict[str, Any]:
        """The fields of an item that say what it belongs to."""
        return {
            "session_id": self.session_id,
            "project_id": self.project_id,
            "project_name": self.project_name,
            "user": self.user,
            "machine_id": self.machine_id,
        }


NO_SESSION: Final = FeedSession(
    "", False, None, None, None, None, None, None, None, None, None, "quiet", None, None, None, None, None, None, []
)
# The kinds of events that the feed shows one by one.
_SHOWN: Final = frozenset({ToolCall, Conversation, Activity})


def session_states(connection: Connection[Any], session_ids: list[str]) -> dict[str, bool]:
    """{session id: whether it is open} of those that are known. To be asked for before a batch is stored."""
    return dict(connection.execute(_STATES, {"session_ids": session_ids}).fetchall())


def feed_sessions(connection: Connection[Any], session_ids: list[str]) -> dict[str, FeedSession]:
    """The sessions as they are now."""
    return {row[0]: FeedSession(*row) for row in connection.execute(_SESSIONS, {"session_ids": session_ids})}


def feed_items(
    connection: Connection[Any],
    batch: Sequence[ReceivedEvent],
    dead: Iterable[ReceivedEvent],
    duplicates: int,
    session_ids: list[str],
    before: dict[str, bool],
) -> list[FeedItem]:
    """The items of a batch of the wire, in its order, in the transaction that stored it. `before`: its sessions' states before that.

    A repeated event gives nothing.
    """
    stored = batch
    if dead_objects := set(map(id, dead)):
        stored = [received for received in batch if id(received) not in dead_objects]
    store_signs(connection, signs_of_events(stored))
    sessions = feed_sessions(connection, session_ids)
    if duplicates:
        stored = _without_repeated(connection, stored)
    began, ended = session_changes(sessions, before, max(received.received_at for received in batch))
    items = [*began, *_items(stored, sessions), *ended]
    tell_states(items, sessions)
    return items


def tell_states(items: Sequence[FeedItem], sessions: dict[str, FeedSession]) -> None:
    """Says in the last item of each session what the session does after it."""
    untold = dict(sessions)
    for item in reversed(items):
        session = untold.pop(item.session_id or "", None)
        if session is not None:
            item.state = session.state if session.is_open else "ended"
            item.since = session.since if session.is_open else session.last_event_at
            item.state_source = session.state_source if session.is_open else session_state.ENDED_BY.get(session.end_reason or "", "hook")
            if session.is_open:
                item.running_tool, item.running_input = session.tool_name, session.tool_input
                item.asks, item.error = session.asks, session.error
                item.agents = session.agents or None


def tell_in_order(connected: AbstractContextManager[Connection[Any]], items: Sequence[FeedItem], append: Callable[[], None]) -> None:
    """Says in these items what their sessions do by now, and appends them. After the commit of what they tell.

    Two processes store what they hear of one session at the same time: a drain the files of processes, another hooks and lines. Each sees what the other
    has stored only once that is committed. The one that appends last must not tell the older state, so one at a time reads it and appends.
    """
    told, is_appended = [item for item in items if item.state is not None], False
    if told:
        try:
            with connected as connection, connection.transaction():
                lock_feed(connection)
                tell_states(told, feed_sessions(connection, sorted({item.session_id for item in told if item.session_id})))
                append()
                is_appended = True
        except (psycopg.Error, SQLAlchemyError) as error:
            log.warning("feed_not_told_in_order", error=type(error).__name__)
    if not is_appended:
        append()


def session_changes(
    sessions: dict[str, FeedSession], before: dict[str, bool], received_at: datetime
) -> tuple[list[FeedItem], list[FeedItem]]:
    """(Began, ended): which sessions started or were reopened, and which ended, since they were as in `before`."""
    began, ended = [], []
    for session in sessions.values():
        was_open = before.get(session.session_id)
        if session.last_event_at is None or session.last_event_at < received_at - RECENT:
            continue
        if was_open is None:
            began.append(_session_item("session_started", session, session.started_at))
        elif session.is_open and not was_open:
            began.append(reopened_item(session))
        if not session.is_open and was_open is not False:
            ended.append(ended_item(session))
    return began, ended


def idle_items(connection: Connection[Any], session_ids: list[str], since: datetime) -> list[FeedItem]:
    """That these sessions were closed idle; those without an event since then are history. In the transaction that closed them."""
    if not session_ids:
        return []
    sessions = feed_sessions(connection, session_ids)
    items = [ended_item(each) for each in sessions.values() if each.last_event_at is not None and each.last_event_at >= since]
    tell_states(items, sessions)
    return items


def reopened_item(session: FeedSession) -> FeedItem:
    """That the session goes on after an end."""
    return _session_item("session_reopened", session, session.last_event_at)


def ended_item(session: FeedSession) -> FeedItem:
    """That the session has ended."""
    return _session_item("session_ended", session, session.last_event_at, session.end_reason)


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


def _without_repeated(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> list[ReceivedEvent]:
    """The events whose rows are from this batch, each once."""
    sent = {"ids": [each.event.id for each in batch], "received": [each.received_at for each in batch]}
    new_ids = {row[0] for row in connection.execute(_SQL.new_ids, sent)}
    found = []
    for received in batch:
        if received.event.id in new_ids:
            new_ids.remove(received.event.id)
            found.append(received)
    return found


def _session_item(kind: Kind, session: FeedSession, at: datetime | None, reason: str | None = None) -> FeedItem:
    return FeedItem(kind=kind, timestamp=at, title=session.title, title_source=session.title_source, reason=reason, **session.owner())


def _items(batch: Iterable[ReceivedEvent], sessions: dict[str, FeedSession]) -> Iterator[FeedItem]:
    """The events that are shown as they happen, without history. Sessions' starts and ends are told by their states.

    This is done for every event, so it is written for speed.
    """
    received_at = since = EARLIEST
    for received in batch:
        event: Any = received.event
        kind = type(event)
        if kind not in _SHOWN:
            continue
        # One object for all events of an entry.
        if received.received_at is not received_at:
            received_at = received.received_at
            since = received_at - RECENT
        if event.timestamp < since:
            continue
        session = sessions.get(event.session_id, NO_SESSION)
        item = FeedItem(
            kind="file_changed",
            timestamp=event.timestamp,
            id=event.id,
            session_id=event.session_id,
            project_id=session.project_id,
            project_name=session.project_name,
            user=session.user,
            machine_id=session.machine_id,
        )
        if kind is ToolCall:
            item.kind = "tool_started" if event.result_status == "pending" else "tool_finished"
            item.user = session.user or event.user
            item.tool_name = event.tool_name
            item.result_status = event.result_status
            item.execution_time_ms = event.execution_time_ms
        elif kind is Conversation:
            item.kind = "prompt" if event.role == "user" else "reply"
            item.content = event.content[:TEXT_CHARACTERS]
            item.model = event.model
        else:
            item.file_path = event.file_path
            item.action = event.action
            item.lines_added = event.lines_added
            item.lines_removed = event.lines_removed
        yield item
