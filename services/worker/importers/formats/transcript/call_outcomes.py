"""The status and duration of a tool call."""

import re
from datetime import datetime, timedelta
from typing import Any, cast, get_args

import msgspec
from msgspec import Raw

from services.worker.importers.formats.sanitize import count_or_none
from services.worker.importers.formats.transcript.transcript_rows import Block, Row, ToolResult
from services.worker.persist.records import Decision, DecisionSource, DurationSource
from shared.events.messages import ToolStatus

# Enough to tell what kind of failure it was.
_LOOKED_AT_CHARACTERS = 4000
_REJECTED = (
    "The user doesn't want to proceed",
    "The user doesn't want to take this action",
    "User rejected tool use",
    "User chose to stay in plan mode",
    "User declined",
    "[Request interrupted by user for tool use]The user doesn't",
)
_CANCELLED = ("[Request interrupted", "<tool_use_error>Sibling tool call errored", "Sibling tool call errored", "<tool_use_error>Cancelled")
_LAUNCHED = frozenset({"async_launched", "teammate_spawned"})
_DECISIONS = frozenset(get_args(Decision))
_DECISION_SOURCES = frozenset(get_args(DecisionSource))
_TIMED_OUT = "Command timed out"
MAX_MS = 10**12
# A subagent that says that it ran longer is not believed: it would make days active.
_LONGEST_SUBAGENT_MS = 24 * 3_600_000


def status_of(block: Block, row: Row, text: str) -> ToolStatus:
    """The status from a tool_result block and its row; `text` is what Claude was told of a failure. A start in the background is a success."""
    if not block.is_error:
        return "cancelled" if is_interrupted(row) else "success"
    if row.tool_denial_kind == "interrupted":
        return "cancelled"
    if decision_of(row)[0] == "reject":
        return "rejected"
    return status_of_failure(text, is_interrupted=is_interrupted(row))


def is_interrupted(row: Row) -> bool:
    """Whether the structured result says that a person interrupted the call."""
    return isinstance(row.tool_use_result, ToolResult) and bool(row.tool_use_result.interrupted)


def status_of_failure(text: str, *, is_interrupted: bool) -> ToolStatus:
    """The status of a failed call from what Claude is told of it."""
    text = text[:_LOOKED_AT_CHARACTERS]
    if text.startswith(_REJECTED):
        return "rejected"
    if text.startswith(_CANCELLED):
        return "cancelled"
    if _TIMED_OUT in text:
        return "timeout"
    return "cancelled" if is_interrupted else "error"


def decision_of(row: Row) -> tuple[Decision | None, DecisionSource | None]:
    """Whether the call was allowed, and what decided. None if the row does not say it, as before Claude Code 2.1.332.

    The kind of the denial is asked last: "user-rejected" is also that of a call that nobody was there to allow. A person's No has nothing else.
    """
    said = row.permission_decision
    if said is None or not said.decision:
        return ("reject", "user_reject") if row.tool_denial_kind == "user-rejected" else (None, None)
    decision = cast(Decision, said.decision) if said.decision in _DECISIONS else "other"
    # A rule may be called after the person who once made it.
    source = "rule" if said.rule_source else said.source
    return decision, cast(DecisionSource, source) if source in _DECISION_SOURCES else "other"


def duration_of(used_at: datetime, row: Row, answered_at: datetime | None) -> tuple[int | None, DurationSource | None]:
    """Milliseconds and their source: as the tool reported them, else the time between the two rows. None if it goes on in the background."""
    if isinstance(row.tool_use_result, ToolResult):
        result = row.tool_use_result
        if goes_on(result):
            return None, None
        seconds = result.duration_seconds
        reported_ms = count_or_none(result.total_duration_ms)
        if reported_ms is None:
            reported_ms = count_or_none(result.duration_ms)
        if reported_ms is None and seconds is not None:
            # The web searches'.
            reported_ms = count_or_none(seconds * 1000)
        if reported_ms is not None and reported_ms <= MAX_MS:
            return reported_ms, "reported"
    if answered_at is None or answered_at < used_at:
        return None, None
    return round((answered_at - used_at).total_seconds() * 1000), "timestamps"


def subagent_time(row: Row) -> timedelta | None:
    """How long a subagent ran that has ended with this row; None if none has, or nothing tells."""
    result = row.tool_use_result
    if not isinstance(result, ToolResult) or goes_on(result):
        return None
    milliseconds = count_or_none(result.total_duration_ms)
    return timedelta(milliseconds=milliseconds) if milliseconds is not None and milliseconds <= _LONGEST_SUBAGENT_MS else None


def goes_on(result: ToolResult) -> bool:
    """Whether the call has only started something in the background: it answers at once, and that says nothing of how long it takes."""
    return result.status in _LAUNCHED or bool(result.background_task_id)


def wait_of(used_at: datetime, duration_ms: int | None, source: DurationSource | None, answered_at: datetime | None) -> int | None:
    """Milliseconds between the two rows in which the call did not run. None unless its running time was reported and both times are known."""
    if duration_ms is None or source != "reported" or answered_at is None or answered_at < used_at:
        return None
    return max(round((answered_at - used_at).total_seconds() * 1000) - duration_ms, 0)


MAX_AGENT_ID = 200
# Others, such as SendMessage, name agents that were there before. Task is the old name of Agent; a skill may run as an agent.
STARTING_TOOLS = frozenset({"Agent", "Task", "Skill"})
# The words that Claude is told behind the agent's report.
_TOLD = re.compile(r"agentId: ([A-Za-z0-9_-]{6,64})\b")

_blocks = msgspec.json.Decoder(list[Raw])


def started_agent(tool_name: str, block: Block, row: Row) -> str | None:
    """The `agent_id` of the subagent, from the structured result, else from what Claude is told, as subagents' files have it."""
    if isinstance(row.tool_use_result, ToolResult):
        return started_agent_of(tool_name, row.tool_use_result)
    return _told_agent(block.content) if tool_name in STARTING_TOOLS else None


def started_agent_of(tool_name: str, result: ToolResult | None) -> str | None:
    """The same, from the structured result alone."""
    return result.agent_id[:MAX_AGENT_ID] if tool_name in STARTING_TOOLS and result is not None and result.agent_id else None


def _told_agent(content: Raw) -> str | None:
    """It stands at the beginning of a block of its own, the last."""
    try:
        blocks = _blocks.decode(content)
        last: Any = msgspec.json.decode(blocks[-1]) if len(blocks) > 1 else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    text = last.get("text") if isinstance(last, dict) else None
    found = _TOLD.match(text) if isinstance(text, str) else None
    return found[1] if found else None
