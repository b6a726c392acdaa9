"""Signs of what sessions do: the latest of each kind is kept, in any order of arrival. shared/sessions/session_state.py says what they mean together.

Events that are older than an hour when they arrive are history, and no signs; neither are imports.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, assert_never

from psycopg import Connection

from services.worker.persist.records import HOOK, SIGNAL, Message, TimelineEntry, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent
from shared.events.messages import Activity, Conversation, SessionStart, ToolCall
from shared.sessions.session_state import StateSource
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "session_signs.sql")

# The act at the sign's time. `idle`: a reminder that nothing goes on. `session_started`: its first prompt may have the same time.
SignKind = Literal[
    "prompt",
    "work",
    # A subagent's.
    "agent_work",
    "reply",
    "client_started",
    "session_started",
    "turn_over",
    "turn_failed",
    "interrupted",
    "permission_asked",
    "input_asked",
    "idle",
]

RECENT: Final = timedelta(hours=1)
_WORK: Final = frozenset({"prompt", "work", "client_started", "turn_over", "turn_failed", "interrupted"})
_PROMPTS: Final = frozenset({"prompt", "client_started", "session_started"})
_AGENTS_WORK: Final = frozenset({"agent_work"})
_CLIENT_STARTS: Final = frozenset({"client_started"})
_REPLIES: Final = frozenset({"reply"})
_IDLE: Final = frozenset({"idle", "session_started"})
_WAITS: Final = {
    "client_started": "input",
    "turn_over": "input",
    "turn_failed": "error",
    "interrupted": "interrupted",
    "permission_asked": "permission",
    "input_asked": "input",
}
# Those that the live feed tells of when a hook shows them. A start is told as one, and a transcript has a line of an interruption.
TOLD_WAITS: Final = {kind: reason for kind, reason in _WAITS.items() if kind not in ("client_started", "interrupted")} | {"idle": "input"}

_IS_PAST: Final = "session_id = ANY(%(session_ids)s) OR heard_at < clock_timestamp() - interval '1 day'"
_FORGET: Final = tuple(f"DELETE FROM {table} WHERE {_IS_PAST}" for table in ("session_signs", "agent_signs", "session_processes"))


class Sign(NamedTuple):
    """Something that was seen in a session. `at`: when, by the clock of who saw it; `heard_at`: when the server was told."""

    session_id: str
    at: datetime
    kind: SignKind
    heard_at: datetime
    source: StateSource = "transcript"


def signs_of_records(batch: Iterable[ReceivedEvent]) -> Iterator[Sign]:
    """Signs in the records of transcripts. Hooks have signs of their own. A call that is stored once more because of a signal is no sign: it names no subagent."""
    for received in batch:
        record: Any = received.event
        if not isinstance(record, Message | ToolUse | TimelineEntry) or record.source in (HOOK, SIGNAL) or not record.session_id:
            continue
        for at, kind in _of_record(record, received.received_at):
            if at is not None and at >= received.received_at - RECENT:
                yield Sign(record.session_id, at, kind, received.received_at)


def _of_record(record: Message | ToolUse | TimelineEntry, heard_at: datetime) -> Iterator[tuple[datetime | None, SignKind]]:
    is_agents = record.agent_id is not None
    match record:
        case ToolUse():
            kind: SignKind = "agent_work" if is_agents else "work"
            yield record.timestamp, kind
            if record.status != "pending":
                yield end_of_call(record.timestamp, (record.duration_ms or 0) + (record.wait_ms or 0), heard_at), kind
        case Message(role="user") if not is_agents:
            yield record.timestamp, "prompt"
        case Message() if not is_agents and record.content:
            yield record.timestamp, "reply"
        case TimelineEntry(kind="interruption") if not is_agents:
            yield record.timestamp, "interrupted"
        case TimelineEntry(kind="api_error") if not is_agents and is_last_try(record):
            yield record.timestamp, "turn_failed"
        case Message() | TimelineEntry():
            # A subagent's, without a text, or of another kind: it is no sign of what the session does.
            pass
        case _:
            assert_never(record)


def is_last_try(api_error: TimelineEntry) -> bool:
    """Whether the turn has failed. Claude Code tells of each try before as well, and by which it goes on."""
    return "attempt" not in (api_error.details or {})


def signs_of_events(batch: Iterable[ReceivedEvent]) -> Iterator[Sign]:
    """Signs in the events that clients send."""
    for received in batch:
        event: Any = received.event
        kind = type(event)
        if kind is ToolCall:
            sign: SignKind = "interrupted" if event.result_status == "rejected" else "work"
            at = end_of_call(event.timestamp, event.execution_time_ms or 0, received.received_at)
        elif kind is Conversation:
            sign, at = "prompt" if event.role == "user" else "reply", event.timestamp
        elif kind is Activity:
            sign, at = "work", event.timestamp
        elif kind is SessionStart:
            sign, at = "session_started", event.start_time
        else:
            continue
        if event.session_id is not None and at >= received.received_at - RECENT:
            yield Sign(event.session_id, at, sign, received.received_at, "event")


def end_of_call(start: datetime, milliseconds: int, heard_at: datetime) -> datetime:
    """The end of a call that began at `start`. It is at most `heard_at`, even if the reported duration is longer."""
    at_most = max(heard_at - start, timedelta())
    return start + (at_most if milliseconds >= at_most / timedelta(milliseconds=1) else timedelta(milliseconds=milliseconds))


def store_signs(connection: Connection[Any], signs: Iterable[Sign]) -> None:
    """Adds them to what is known of their sessions, in the transaction that stored what they were seen in."""
    of_sessions: dict[str, list[Sign]] = {}
    for sign in signs:
        of_sessions.setdefault(sign.session_id, []).append(sign)
    if of_sessions:
        latest = [_latest(session_id, found) for session_id, found in of_sessions.items()]
        connection.execute(_SQL.store, {name: [each[name] for each in latest] for name in latest[0]})


def forget_signs(connection: Connection[Any], session_ids: Sequence[str]) -> None:
    """Deletes the signs of sessions that were closed, and those of long ago: their sessions have ended. Later signs are new."""
    for forget in _FORGET:
        connection.execute(forget, {"session_ids": list(session_ids)})


def _latest(session_id: str, signs: Sequence[Sign]) -> dict[str, Any]:
    """A row of session_signs. A time is None if there is no such sign."""
    waits = max(((each.at, _WAITS[each.kind], each.source) for each in signs if each.kind in _WAITS), default=(None, "input", None))
    waits_since, waits_for, waits_by = waits
    worked_at, worked_by = _last(signs, _WORK)
    replied_at, replied_by = _last(signs, _REPLIES)
    return {
        "session_id": session_id,
        "worked_at": worked_at,
        "worked_by": worked_by,
        "waits_since": waits_since,
        "waits_for": waits_for,
        "waits_by": waits_by,
        "idle_at": _last(signs, _IDLE)[0],
        "replied_at": replied_at,
        "replied_by": replied_by,
        "prompted_at": _last(signs, _PROMPTS)[0],
        "agents_worked_at": _last(signs, _AGENTS_WORK)[0],
        "client_started_at": _last(signs, _CLIENT_STARTS)[0],
        "is_hooked": any(each.source == "hook" for each in signs),
        "heard_at": max(each.heard_at for each in signs),
    }


def _last(signs: Sequence[Sign], kinds: frozenset[str]) -> tuple[datetime | None, StateSource | None]:
    """When the last of these was, and who saw it."""
    return max(((each.at, each.source) for each in signs if each.kind in kinds), default=(None, None))
