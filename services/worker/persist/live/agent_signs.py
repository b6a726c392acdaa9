"""Signs of what subagents do: the latest of each kind is kept, in any order of arrival. shared/sessions/agent_state.py says what they mean together.

A subagent's prompt is no record, so without hooks it is seen with its first answer. Telemetry tells that a subagent has completed, but not which:
its event has no id of it. The subagent's own transcript says so as soon.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, assert_never

from psycopg import Connection

from services.worker.persist.live.session_signs import RECENT, end_of_call, is_last_try
from services.worker.persist.records import HOOK, Message, TimelineEntry, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent
from shared.sessions.session_state import StateSource
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "agent_signs.sql")

# `started`: its hook. `launched`: the call that started it has answered already. The last three are ends of it.
AgentSignKind = Literal["started", "call", "work", "launched", "done", "error", "interrupted"]

_WORK: Final = frozenset({"started", "launched", "call", "work"})
_CALLS: Final = frozenset({"call"})
_ENDS: Final = frozenset({"done", "error", "interrupted"})
# Those of Claude Code's own, for summaries and suggestions, and those that a file of an old version does not name.
_NOT_A_PERSONS: Final = ("acompact-", "aprompt_suggestion-")
_UNNAMED: Final = "sidechain"
# Claude Code's words for a task in the background that is over.
_STATUS_OF_TASK: Final[dict[str | None, AgentSignKind]] = {
    "completed": "done",
    "failed": "error",
    "killed": "interrupted",
    "stopped": "interrupted",
}


class AgentSign(NamedTuple):
    """Something that was seen of a subagent. `at`: when, by the clock of who saw it; `heard_at`: when the server was told.

    `is_of_task`: of a task in the background, which may be a command.
    """

    session_id: str
    agent_id: str
    at: datetime
    kind: AgentSignKind
    heard_at: datetime
    source: StateSource = "transcript"
    is_of_task: bool = False


def agent_signs_of_records(batch: Iterable[ReceivedEvent]) -> Iterator[AgentSign]:
    """Signs in the records of transcripts. Hooks have signs of their own."""
    for received in batch:
        record: Any = received.event
        if not isinstance(record, Message | ToolUse | TimelineEntry) or record.source == HOOK or not record.session_id:
            continue
        for agent_id, at, kind in _of_record(record, received.received_at):
            if at is not None and at >= received.received_at - RECENT and is_of_person(agent_id):
                is_of_task = isinstance(record, TimelineEntry) and record.kind == "notice"
                yield AgentSign(record.session_id, agent_id, at, kind, received.received_at, is_of_task=is_of_task)


def is_of_person(agent_id: str) -> bool:
    """Whether a subagent works at what a person asked, and is named."""
    return agent_id != _UNNAMED and not agent_id.startswith(_NOT_A_PERSONS)


def _of_record(record: Message | ToolUse | TimelineEntry, heard_at: datetime) -> Iterator[tuple[str, datetime | None, AgentSignKind]]:
    match record:
        case ToolUse():
            yield from _of_call(record, heard_at)
        case Message() if record.agent_id is not None:
            yield record.agent_id, record.timestamp, "done" if record.role == "assistant" and record.content else "work"
        case TimelineEntry(kind="interruption") if record.agent_id is not None:
            yield record.agent_id, record.timestamp, "interrupted"
        case TimelineEntry(kind="api_error") if record.agent_id is not None and is_last_try(record):
            yield record.agent_id, record.timestamp, "error"
        case TimelineEntry(kind="notice", details={"type": "task_notification", "task": task, "status": status}):
            # A command in the background has an id of its own, of which nothing else is seen.
            if kind := _STATUS_OF_TASK.get(status):
                yield task, record.timestamp, kind
        case Message() | TimelineEntry():
            # The session's own, without a text, or of another kind.
            pass
        case _:
            assert_never(record)


def _of_call(record: ToolUse, heard_at: datetime) -> Iterator[tuple[str, datetime, AgentSignKind]]:
    """A call of a subagent, or one that started a subagent. One that answers at once has no duration."""
    is_over = record.status != "pending"
    at_end = end_of_call(record.timestamp, (record.duration_ms or 0) + (record.wait_ms or 0), heard_at)
    if record.agent_id is not None:
        yield record.agent_id, record.timestamp, "call"
        if is_over:
            yield record.agent_id, at_end, "work"
    if record.started_agent is not None and is_over:
        if record.status == "success" and record.duration_ms is None:
            yield record.started_agent, record.timestamp, "launched"
        else:
            ended: dict[str, AgentSignKind] = {"success": "done", "error": "error", "timeout": "error"}
            yield record.started_agent, at_end, ended.get(record.status, "interrupted")


def store_agent_signs(connection: Connection[Any], signs: Iterable[AgentSign]) -> None:
    """Adds them to what is known of their subagents, in the transaction that stored what they were seen in."""
    of_agents: dict[tuple[str, str], list[AgentSign]] = {}
    for sign in signs:
        of_agents.setdefault((sign.session_id, sign.agent_id), []).append(sign)
    if of_agents:
        latest = [_latest(found) for found in of_agents.values()]
        connection.execute(_SQL.store, {name: [each[name] for each in latest] for name in latest[0]})


def _latest(signs: Sequence[AgentSign]) -> dict[str, Any]:
    """A row of agent_signs. A time is None if there is no such sign."""
    worked_at, worked_by = max(((each.at, each.source) for each in signs if each.kind in _WORK), default=(None, None))
    endings = ((each.at, each.kind, each.source) for each in signs if each.kind in _ENDS)
    over_at, over_as, over_by = max(endings, default=(None, "done", None))
    return {
        "session_id": signs[0].session_id,
        "agent_id": signs[0].agent_id,
        "began_at": min((each.at for each in signs if not each.is_of_task), default=None),
        "called_at": max((each.at for each in signs if each.kind in _CALLS), default=None),
        "worked_at": worked_at,
        "worked_by": worked_by,
        "over_at": over_at,
        "over_as": over_as,
        "over_by": over_by,
        "is_background": any(each.kind == "launched" for each in signs),
        "heard_at": max(each.heard_at for each in signs),
    }
