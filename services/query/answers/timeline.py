"""A session's timeline and its turns: parameters and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from services.query.answers.acts import CallFields, MessageFields
from services.query.answers.answer import Answer
from services.query.answers.fields import CallDecision, CostUsd, Effort, IsSandboxed, NextCursor, UnpricedCalls, doc
from services.query.answers.lists import ToolResult
from services.query.answers.outcome import CacheRebuild
from services.query.answers.stats import CostParts
from services.query.answers.tool_calls import FileChange

EntryKind = Literal["thinking", "compaction", "compaction_summary", "command", "command_output", "interruption", "api_error", "notice"]


class TimelineChange(FileChange, kw_only=True):
    id: str
    tool_call_id: Annotated[str | None, doc("The call that made the change; null if none is known.")]
    source: str | None


class SubagentSummary(Answer):
    agent_id: Annotated[str, doc("With `agent_id` the timeline shows what it did.")]
    items: Annotated[int, doc("Number of items of its own timeline. 0: nothing of it is stored.")]
    tool_calls: int
    cost_usd: CostUsd
    tokens: int
    first_time: datetime | None
    last_time: datetime | None
    prompt: Annotated[str | None, doc("The beginning of what it was asked.")]


class _Item(Answer):
    id: Annotated[str, doc("For `around`. The id of the message, tool call and so on, or of a derived item, as `idle_gap-…`.")]
    timestamp: Annotated[datetime | None, doc("null if the time is unknown.")]
    agent_id: Annotated[str | None, doc("The subagent that it belongs to; null: the session itself.")]
    offset: Annotated[int, doc("How many items of this timeline come before it.")]
    turn: Annotated[int, doc("The turn that it belongs to, from 1; 0: before the first prompt.")]
    cost_usd_so_far: Annotated[
        float | None,
        doc(
            "Cost of the API calls up to its time, those of subagents included; in a subagent's timeline its own alone. "
            "At the last item it is that of all calls. null while no price is known."
        ),
    ]
    tokens_so_far: Annotated[int, doc("Tokens of the same API calls, those read from the cache included.")]
    kind: str


class MessageItem(_Item, MessageFields, kw_only=True):
    kind: Literal["message"]
    model: str | None
    source: str | None


class ToolCallItem(_Item, CallFields, kw_only=True):
    kind: Literal["tool_call"]
    error_class: Annotated[str | None, doc("Why it failed; null if it did not, or nothing says why.")]
    duration_source: Literal["reported", "timestamps"] | None
    wait_ms: Annotated[int | None, doc("How long it waited before it ran, as for a permission; null if that is not known.")]
    result: Annotated[ToolResult | None, doc("null if it is not known, or not kept.")]
    changes: Annotated[list[TimelineChange], doc("The file changes that it made.")]
    subagent: Annotated[SubagentSummary | None, doc("The subagent that it started.")]
    decision: CallDecision
    is_sandboxed: IsSandboxed
    source: str | None


class FileChangeItem(_Item, TimelineChange, kw_only=True):
    """A file change whose call is not known."""

    kind: Literal["file_change"]


class EntryItem(_Item):
    kind: EntryKind
    content: str
    details: Annotated[Any, doc("More of it, by its kind: as `trigger` and `tokens_before` of a compaction.")]
    source: str | None


class ModelSwitchItem(_Item):
    kind: Literal["model_switch"]
    from_model: Annotated[str, doc("The model of Claude's message before, in the same thread.")]
    to_model: Annotated[str, doc("The model of the message that follows.")]


class IdleGapItem(_Item):
    kind: Literal["idle_gap"]
    until: Annotated[datetime, doc("When something happened again.")]
    seconds: Annotated[float, doc("How long nothing happened in the whole session, subagents included: longer than the idle gap.")]


class SubagentItem(_Item):
    """A subagent that no known call started, at its first time."""

    kind: Literal["subagent"]
    subagent: SubagentSummary


TimelineItem = Annotated[
    MessageItem | ToolCallItem | FileChangeItem | EntryItem | ModelSwitchItem | IdleGapItem | SubagentItem, Field(discriminator="kind")
]


class UsageTotals(Answer):
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    total_tokens: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd


class TimelineTotals(UsageTotals):
    items: Annotated[int, doc("Number of items of this timeline.")]
    turns: Annotated[int, doc("Number of the session's prompts, and of the commands that Claude answered.")]
    tool_calls: Annotated[int, doc("Number of tool calls of this timeline.")]
    first_time: datetime | None
    last_time: datetime | None


class Timeline(Answer):
    session_id: str
    agent_id: Annotated[str | None, doc("The subagent whose timeline this is; null: the session's own, or that of all.")]
    totals: Annotated[TimelineTotals, doc("Of the whole timeline, not of the page.")]
    items: list[TimelineItem]
    next_cursor: Annotated[str | None, doc("Where the page begins that follows in this order; null if nothing follows.")]
    previous_cursor: Annotated[str | None, doc("Leads to the page before, in the same order; null if nothing comes before.")]


class TurnTool(Answer):
    tool_name: str
    calls: int
    errors: Annotated[int, doc("Calls that failed or timed out.")]


class TurnFile(Answer):
    file_path: str | None
    touches: Annotated[int, doc("Number of changes.")]
    lines_added: int
    lines_removed: int


class Turn(UsageTotals):
    """A prompt, or a command that Claude answered, and all that followed until the next one, subagents included."""

    number: Annotated[int, doc("From 1. Turn 0 is what happened before the first prompt, if anything did.")]
    first_item_id: Annotated[str | None, doc("For `around` of the timeline: the prompt, or the command. null: turn 0 is at its beginning.")]
    prompt: Annotated[str | None, doc("The beginning of the prompt; or the command with its arguments, as `/review 42`.")]
    prompt_is_cut: bool
    start_time: datetime | None
    end_time: Annotated[datetime | None, doc("Time of the last event of the turn.")]
    active_seconds: Annotated[float, doc("Active time of the session within the turn: gaps count up to `idle_gap_seconds`.")]
    messages: Annotated[int, doc("The prompt included. A command is none.")]
    tool_calls: int
    tool_errors: int
    tools: Annotated[list[TurnTool], doc("The most called first.")]
    files: Annotated[list[TurnFile], doc("Files that were changed, in the order of their first change.")]
    files_left_out: Annotated[int, doc("How many more files than `files` has.")]
    lines_added: int
    lines_removed: int
    models: Annotated[list[str], doc("Models of its API calls, the most called first.")]
    efforts: Annotated[list[Effort], doc("With how much effort its API calls were made, as transcripts say since Claude Code 2.1.332.")]
    thinking_ms: Annotated[int | None, doc("How long Claude thought in it, as Claude Code measured it; null: nothing says it.")]
    subagents: Annotated[list[str], doc("`agent_id` of each subagent that did something.")]
    cost_parts: Annotated[CostParts | None, doc("`cost_usd` by what was paid for; null if no call has a price.")]
    context_tokens: Annotated[
        int | None, doc("Tokens that the last call of the session's own thread in this turn sent, cached or not; null if there was none.")
    ]
    rebuilds: Annotated[list[CacheRebuild], doc("Calls that had to send again what was no longer in the prompt cache, in order.")]


class TurnPage(Answer):
    items: list[Turn]
    next_cursor: NextCursor
