"""A session's timeline and its turns: parameters and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services.query.schemas.fields import Absent, CostUsd, Page, Paged, Text, UnpricedCalls
from services.query.schemas.lists import ToolResult
from services.query.schemas.tool_calls import FileChange


class TimelineParameters(Paged):
    order: Literal["asc", "desc"] = Field(
        "asc", description="`asc`: from the session's beginning. `desc`: from its end. Items without a date are the earliest."
    )
    around: Annotated[
        Text | None,
        Absent(),
        Field(
            min_length=1,
            max_length=300,
            description="The `id` of an item, or of a file change below a call: it is in the middle of the page, and both cursors lead on from "
            "there. With a `cursor` it has no effect.",
            examples=["018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b"],
        ),
    ] = None
    agent_id: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=200, description="A subagent's own timeline, in place of the session's.", examples=["a1b2c3"]),
    ] = None
    threads: Literal["one", "all"] = Field(
        "one", description="`all`: what the session and all of its subagents did, in one order; each item has its `agent_id`."
    )
    include_thinking: bool = Field(False, description="With Claude's thinking, where it was kept.")

    def filters(self) -> dict[str, object]:
        """What a cursor is bound to. A page around an item leads on to pages without `around`."""
        return {name: value for name, value in super().filters().items() if name != "around"}


class TimelineChange(FileChange):
    id: str
    tool_call_id: str | None = Field(description="The call that made the change; null if none is known.")
    source: str | None


class SubagentSummary(BaseModel):
    agent_id: str = Field(description="With `agent_id` the timeline shows what it did.")
    items: int = Field(description="Number of items of its own timeline. 0: nothing of it is stored.")
    tool_calls: int
    cost_usd: CostUsd
    tokens: int
    first_time: datetime | None
    last_time: datetime | None
    prompt: str | None = Field(description="The beginning of what it was asked.")


class _Item(BaseModel):
    id: str = Field(description="For `around`. The id of the message, tool call and so on, or of a derived item, as `idle_gap-…`.")
    timestamp: datetime | None = Field(description="null if the time is unknown.")
    agent_id: str | None = Field(description="The subagent that it belongs to; null: the session itself.")
    offset: int = Field(description="How many items of this timeline come before it.")
    turn: int = Field(description="The turn that it belongs to, from 1; 0: before the first prompt.")
    cost_usd_so_far: float | None = Field(
        description="Cost of the API calls up to its time, those of subagents included; in a subagent's timeline its own alone. "
        "At the last item it is that of all calls. null while no price is known."
    )
    tokens_so_far: int = Field(description="Tokens of the same API calls, those read from the cache included.")


class MessageItem(_Item):
    kind: Literal["message"]
    role: Literal["user", "assistant"]
    content: str = Field(description="Empty if Claude only called tools.")
    model: str | None
    source: str | None


class ToolCallItem(_Item):
    kind: Literal["tool_call"]
    tool_name: str
    parameters: Any = Field(description="The parameters as they were sent; null if there were none.")
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"]
    error_class: str | None = Field(description="Why it failed; null if it did not, or nothing says why.")
    execution_time_ms: int | None
    duration_source: Literal["reported", "timestamps"] | None
    wait_ms: int | None = Field(description="How long it waited before it ran, as for a permission; null if that is not known.")
    result: ToolResult | None = Field(description="null if it is not known, or not kept.")
    changes: list[TimelineChange] = Field(description="The file changes that it made.")
    subagent: SubagentSummary | None = Field(description="The subagent that it started.")
    source: str | None


class FileChangeItem(TimelineChange, _Item):
    """A file change whose call is not known."""

    kind: Literal["file_change"]
    id: str


class EntryItem(_Item):
    kind: Literal["thinking", "compaction", "compaction_summary", "command", "command_output", "interruption", "api_error", "notice"]
    content: str
    details: Any = Field(description="More of it, by its kind: as `trigger` and `tokens_before` of a compaction.")
    source: str | None


class ModelSwitchItem(_Item):
    kind: Literal["model_switch"]
    from_model: str = Field(description="The model of Claude's message before, in the same thread.")
    to_model: str = Field(description="The model of the message that follows.")


class IdleGapItem(_Item):
    kind: Literal["idle_gap"]
    until: datetime = Field(description="When something happened again.")
    seconds: float = Field(description="How long nothing happened in the whole session, subagents included: longer than the idle gap.")


class SubagentItem(_Item):
    """A subagent that no known call started, at its first time."""

    kind: Literal["subagent"]
    subagent: SubagentSummary


TimelineItem = Annotated[
    MessageItem | ToolCallItem | FileChangeItem | EntryItem | ModelSwitchItem | IdleGapItem | SubagentItem, Field(discriminator="kind")
]


class UsageTotals(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    total_tokens: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd


class TimelineTotals(UsageTotals):
    items: int = Field(description="Number of items of this timeline.")
    turns: int = Field(description="Number of the session's prompts, and of the commands that Claude answered.")
    tool_calls: int = Field(description="Number of tool calls of this timeline.")
    first_time: datetime | None
    last_time: datetime | None


class Timeline(Page):
    session_id: str
    agent_id: str | None = Field(description="The subagent whose timeline this is; null: the session's own, or that of all.")
    totals: TimelineTotals = Field(description="Of the whole timeline, not of the page.")
    items: list[TimelineItem]
    next_cursor: str | None = Field(description="Where the page begins that follows in this order; null if nothing follows.")
    previous_cursor: str | None = Field(description="Leads to the page before, in the same order; null if nothing comes before.")


class TurnParameters(Paged):
    limit: int = Field(50, ge=1, le=200, description="Most turns on a page.")


class TurnTool(BaseModel):
    tool_name: str
    calls: int
    errors: int = Field(description="Calls that failed or timed out.")


class TurnFile(BaseModel):
    file_path: str | None
    touches: int = Field(description="Number of changes.")
    lines_added: int
    lines_removed: int


class Turn(UsageTotals):
    """What Claude was asked, by a prompt or by a command that it answered, and all that followed until the next, subagents included."""

    number: int = Field(description="From 1. Turn 0 is what happened before the first prompt, if anything did.")
    first_item_id: str | None = Field(
        description="For `around` of the timeline: the prompt, or the command. null: turn 0 is at its beginning."
    )
    prompt: str | None = Field(description="The beginning of the prompt; or the command with its arguments, as `/review 42`.")
    prompt_is_cut: bool
    start_time: datetime | None
    end_time: datetime | None = Field(description="Time of the last event of the turn.")
    active_seconds: float = Field(description="Active time of the session within the turn: gaps count up to `idle_gap_seconds`.")
    messages: int = Field(description="The prompt included. A command is none.")
    tool_calls: int
    tool_errors: int
    tools: list[TurnTool] = Field(description="The most called first.")
    files: list[TurnFile] = Field(description="Files that were changed, in the order of their first change.")
    files_left_out: int = Field(description="How many more files than `files` has.")
    lines_added: int
    lines_removed: int
    models: list[str] = Field(description="Models of its API calls, the most called first.")
    subagents: list[str] = Field(description="`agent_id` of each subagent that did something.")


class TurnPage(Page):
    items: list[Turn]
