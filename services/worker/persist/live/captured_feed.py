"""The items of the live feed that live capture brings. A hook and a transcript report the same acts, and a range repeats what was open before it;
each act is an item once.

The rows decide: whether a row gives an item depends on its state before a batch and after it. Both are read in the batch's transaction.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from hashlib import md5
from typing import Any, Final, NamedTuple, assert_never
from uuid import UUID

import structlog
from psycopg import Connection
from redis import Redis

from services.worker.persist.live.agent_signs import AgentSign, agent_signs_of_records, store_agent_signs
from services.worker.persist.live.close_idle import follow_processes
from services.worker.persist.live.feed_items import (
    NO_SESSION,
    FeedSession,
    append_to_feed,
    feed_sessions,
    session_changes,
    tell_in_order,
    tell_states,
)
from services.worker.persist.live.session_signs import RECENT, TOLD_WAITS, Sign, signs_of_records, store_signs
from services.worker.persist.records import HOOK, FileChange, Message, TimelineEntry, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent
from shared.events.messages import EARLIEST
from shared.feed import TEXT_CHARACTERS, FeedItem
from shared.redis.clients import REDIS_ERRORS
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "captured_feed.sql")

log = structlog.get_logger()

# A Redis hash for each session: how often hooks told of these words and no transcript has since. Their rows may be gone by then.
TOLD_KEY: Final = "feed:told:{session_id}"
_TOLD_SECONDS: Final = int(RECENT.total_seconds())

_Act = Message | ToolUse | FileChange | TimelineEntry


class _Row(NamedTuple):
    """`state`: a tool call's status; of a message, `empty` or `there`."""

    state: Any
    duration_ms: int | None


class SignOfHook(NamedTuple):
    """A sign that a hook gives of a session or a subagent. `place` is the number of the batch's records that came before it."""

    place: int
    sign: Sign | AgentSign


class CapturedItem(NamedTuple):
    """An item for the feed. `is_of_hook`: for a message, whether a hook brought it; None for all else."""

    item: FeedItem
    is_of_hook: bool | None = None


class Before(NamedTuple):
    """The stored state of a batch's acts and sessions, before it is stored."""

    # Acts that may be items: of each the last version, and its place in the batch.
    acts: dict[UUID, tuple[int, _Act]]
    session_ids: list[str]
    sessions: dict[str, FeedSession]
    rows: dict[UUID, _Row]
    # The newest.
    received_at: datetime


def before_captured(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> Before:
    """To be asked for before the batch is stored. A batch of history alone costs no query."""
    acts: dict[UUID, tuple[int, _Act]] = {}
    session_ids: set[str] = set()
    for place, received in enumerate(batch):
        record: Any = received.event
        at = getattr(record, "timestamp", None) or getattr(record, "ended_at", None) or getattr(record, "started_at", None)
        if at is not None and at >= received.received_at - RECENT:
            if session_id := getattr(record, "session_id", None):
                session_ids.add(session_id)
            if isinstance(record, _Act) and (not isinstance(record, TimelineEntry) or record.kind == "interruption"):
                acts[record.id] = place, record
    ordered = sorted(session_ids)
    sessions = feed_sessions(connection, ordered) if ordered else {}
    received_at = max((received.received_at for received in batch), default=EARLIEST)
    return Before(acts, ordered, sessions, _rows(connection, acts), received_at)


def captured_items(
    connection: Connection[Any], before: Before, batch: Sequence[ReceivedEvent], signs_of_hooks: Iterable[SignOfHook] = ()
) -> list[CapturedItem]:
    """The items of the batch, in its order, in the transaction that stored it. Stores signs of its sessions, too.

    `batch`: its stored part; the acts of others give no items.
    """
    stored = {id(received.event) for received in batch}
    signs_of_hooks = [each for each in signs_of_hooks if each.sign.at >= each.sign.heard_at - RECENT]
    session_ids = sorted({*before.session_ids, *(each.sign.session_id for each in signs_of_hooks)})
    if not session_ids:
        return []
    # Those of which the batch has no rows are as they were.
    sessions_before = before.sessions | feed_sessions(connection, [each for each in session_ids if each not in before.session_ids])
    store_signs(connection, [*signs_of_records(batch), *(each.sign for each in signs_of_hooks if isinstance(each.sign, Sign))])
    of_agents = (each.sign for each in signs_of_hooks if isinstance(each.sign, AgentSign))
    store_agent_signs(connection, [*agent_signs_of_records(batch), *of_agents])
    follow_processes(connection, session_ids)
    sessions = feed_sessions(connection, session_ids)
    after = _rows(connection, before.acts)
    happened: list[tuple[float, CapturedItem]] = []
    for row_id, (place, act) in before.acts.items():
        if id(act) not in stored:
            continue
        item = _item_of(act, before.rows.get(row_id), after.get(row_id), sessions.get(act.session_id or "", NO_SESSION))
        if item is not None:
            happened.append((place, CapturedItem(item, act.source == HOOK if isinstance(act, Message) else None)))
    for place, sign in signs_of_hooks:
        if isinstance(sign, Sign) and sign.kind in TOLD_WAITS:
            owner = sessions.get(sign.session_id, NO_SESSION).owner() | {"session_id": sign.session_id}
            item = FeedItem(kind="waiting", timestamp=sign.at, reason=TOLD_WAITS[sign.kind], **owner)
            happened.append((place - 0.5, CapturedItem(item)))
    happened.sort(key=lambda each: each[0])
    began, ended = session_changes(
        {each: sessions[each] for each in before.session_ids if each in sessions},
        {session_id: session.is_open for session_id, session in before.sessions.items()},
        before.received_at,
    )
    captured = [*map(CapturedItem, began), *(captured for _, captured in happened), *map(CapturedItem, ended)]
    # Some hooks change what a session does and tell of no act, or of one that the transcript has told of. An error may come after its hook.
    # The last item says what the session does; append_captured may leave out a transcript's message.
    is_told = {each.item.session_id: each.is_of_hook is not False for each in captured}
    for session_id, session in sessions.items():
        if not is_told.get(session_id) and session.is_open and session.does != sessions_before.get(session_id, NO_SESSION).does:
            captured.append(CapturedItem(FeedItem(kind="state_changed", timestamp=session.since, **session.owner())))
    tell_states([each.item for each in captured], sessions)
    return captured


def append_captured(redis: Redis, connection: Connection[Any], captured: Sequence[CapturedItem]) -> None:
    """Appends the items, after the commit, without the messages of transcripts that a hook has told of."""

    def append() -> None:
        try:
            items = [each.item for each in captured if each.is_of_hook is None or _is_news(redis, each)]
        except REDIS_ERRORS as error:
            log.warning("feed_not_written", error=type(error).__name__)
            return
        append_to_feed(redis, items)

    tell_in_order(nullcontext(connection), [each.item for each in captured], append)


def _is_news(redis: Redis, captured: CapturedItem) -> bool:
    item = captured.item
    key = TOLD_KEY.format(session_id=item.session_id)
    words = md5(f"{item.kind} {item.agent_id} {item.content}".encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    if captured.is_of_hook:
        redis.hincrby(key, words, 1)
        redis.expire(key, _TOLD_SECONDS)
        return True
    # One process reads what was captured, so nothing comes between the two.
    found: Any = redis.hget(key, words)
    if not found or int(found) <= 0:
        return True
    redis.hincrby(key, words, -1)
    return False


def _rows(connection: Connection[Any], acts: dict[UUID, Any]) -> dict[UUID, _Row]:
    if not acts:
        return {}
    return {row_id: _Row(state, duration) for row_id, state, duration in connection.execute(_SQL.rows, {"ids": list(acts)})}


def _item_of(act: _Act, before: _Row | None, after: _Row | None, session: FeedSession) -> FeedItem | None:
    """None if the row says nothing new."""
    if after is None:
        return None
    owner = session.owner() | {"session_id": act.session_id, "id": act.id, "timestamp": act.timestamp, "agent_id": act.agent_id}
    match act:
        case ToolUse():
            is_pending = after.state == "pending"
            if before is not None and (before.state != "pending" or is_pending):
                return None
            kind: Any = "tool_started" if is_pending else "tool_finished"
            return FeedItem(kind=kind, tool_name=act.tool_name, result_status=after.state, execution_time_ms=after.duration_ms, **owner)
        case Message():
            if after.state == "empty" or (before is not None and before.state == "there"):
                return None
            text = act.content.strip(" ")[:TEXT_CHARACTERS]
            return FeedItem(kind="prompt" if act.role == "user" else "reply", content=text, model=act.model, **owner)
        case TimelineEntry():
            return None if before is not None else FeedItem(kind="waiting", reason="input", **owner)
        case FileChange():
            if before is not None:
                return None
            return FeedItem(
                kind="file_changed",
                file_path=act.file_path,
                action=act.action,
                lines_added=act.lines_added,
                lines_removed=act.lines_removed,
                **owner,
            )
        case _:
            assert_never(act)
