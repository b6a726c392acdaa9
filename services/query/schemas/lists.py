"""Projects, sessions, and what happened in them: parameters and answers of the lists, and of search."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.query.schemas.fields import (
    Absent,
    Commands,
    CostUsd,
    Dated,
    MatchPage,
    OptionalBranch,
    OptionalIdPrefix,
    OptionalMachine,
    OptionalModel,
    OptionalProject,
    OptionalRole,
    OptionalSession,
    OptionalSource,
    OptionalUser,
    Page,
    Paged,
    SessionSavedUsd,
    Text,
    TitleSource,
    UnpricedCalls,
)
from services.query.schemas.shares import SessionShare

IncludeShare = Annotated[bool, Field(description="True shows what each session has within the dates, in `share`.")]
IncludeResult = Annotated[bool, Field(description="True shows what each call gave back, in `result`.")]


class ProjectList(Dated):
    page_items: ClassVar[int] = 1000
    user: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only projects with a session of this user.")
    ] = None
    machine: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=200, description="Only projects with a session that was seen on this machine: its id, or its name."),
    ] = None
    sort: Literal["last_session", "name", "active_minutes", "total_sessions", "cost_usd"] = Field(
        "last_session", description="Sort key. An unknown date or cost sorts below every known one."
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or largest first.")


class SessionList(Dated):
    project_id: OptionalProject = None
    user: OptionalUser = None
    status: Annotated[Literal["open", "ended"] | None, Absent(), Field(description="Only open or only ended sessions.")] = None
    model: OptionalModel = None
    branch: OptionalBranch = None
    source: OptionalSource = None
    machine: OptionalMachine = None
    is_starred: Annotated[bool | None, Absent(), Field(description="Only sessions with a star (`true`) or without one (`false`).")] = None
    tag: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=64, description="Only sessions with this tag, whatever its case.", examples=["uploads"]),
    ] = None
    id_prefix: OptionalIdPrefix = None
    by: Literal["started", "active"] = Field(
        "started",
        description="Which sessions the dates choose. `started`: those that began then. `active`: also those that began before and went on then: with an event "
        "or active time. The order stays that of `sort`.",
    )
    include_share: IncludeShare = False
    sort: Literal["start_time", "active_minutes", "messages_count", "tool_calls_count", "lines_changed", "cost_usd"] = Field(
        "start_time", description="Sort key. An unknown date or cost sorts below every known one."
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or largest first.")


class EventList(Dated):
    """A list of events: of one session, or of all with the optional filter `session_id`."""

    project_id: OptionalProject = None
    user: OptionalUser = None
    branch: OptionalBranch = None
    source: OptionalSource = None
    machine: OptionalMachine = None


class SessionConversationList(EventList):
    role: OptionalRole = None
    model: OptionalModel = None


class ConversationList(SessionConversationList):
    session_id: OptionalSession = None


class SessionToolCallList(EventList):
    tool_name: Annotated[Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this tool.", examples=["Bash"])] = (
        None
    )
    status: Annotated[
        Literal["success", "error", "rejected", "cancelled", "timeout", "pending"] | None, Absent(), Field(description="Only this result.")
    ] = None
    error_class: Annotated[
        Text | None,
        Absent(),
        Field(
            min_length=1,
            max_length=100,
            description="Only calls that failed for this reason; /api/tool-calls/errors counts the classes.",
            examples=["file_not_found"],
        ),
    ] = None
    sort: Literal["timestamp", "execution_time_ms"] = Field(
        "timestamp", description="Sort key. An unknown date or duration sorts below every known one."
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or longest first.")
    include_result: IncludeResult = False


class OldestToolCallList(Paged):
    include_result: IncludeResult = False


class ToolCallList(SessionToolCallList):
    session_id: OptionalSession = None


class ConversationSearch(ConversationList):
    q: Annotated[
        Text | None,
        Absent(),
        Field(
            max_length=256,
            description='Words that must all match (the last one also as a prefix), `"a phrase"`, `-not`, `or`; at most 16 terms. '
            "Finds identifiers, their parts, paths, error codes, CJK text, `café` as `cafe`. What belongs to a word is looked for as typed: `--no-verify`, "
            '`/tmp`, `C++`; an option with one hyphen needs quotes, `"-m"`. Without it: everything that passes the filters.',
            examples=["useEffect cleanup"],
        ),
    ] = None
    sort: Literal["best", "newest"] = Field("best", description="`best`: by rank among the newest 500 matches, then newest first.")


class SessionActivityList(EventList):
    file_path: Annotated[
        Text | None,
        Absent(),
        Field(
            min_length=1,
            max_length=4096,
            description="Only this file. With `*` at its end: every path with this prefix.",
            examples=["/home/user/app/src/*"],
        ),
    ] = None
    action: Annotated[Literal["created", "modified", "deleted"] | None, Absent(), Field(description="Only this kind of change.")] = None
    include_patch: bool = Field(False, description="True shows the diff of each change, in `patch`.")


class ActivityList(SessionActivityList):
    session_id: OptionalSession = None


class Project(BaseModel):
    id: int = Field(examples=[1])
    name: str | None = Field(examples=["claude-tracker"], description="null for a key that can only read numbers.")
    path: str | None = Field(examples=["/home/user/claude-tracker"], description="null for a key that can only read numbers.")
    total_sessions: int
    total_time_minutes: int = Field(description="Sum of (end − start) over the sessions. An open session counts up to its last event.")
    files_modified_count: int = Field(description="Number of distinct files.")
    lines_changed_count: int = Field(description="Lines added plus lines removed.")
    last_session: datetime | None
    created_at: datetime
    active_minutes: float = Field(description="Active time: gaps between events count up to `idle_gap_seconds`.")
    messages_count: int
    tool_calls_count: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd


class SessionMachine(BaseModel):
    machine_id: str
    name: str | None = Field(description="null if the machine was forgotten.")


class Session(BaseModel):
    session_id: str
    title: str | None = Field(description="What it is called, in one line: by a person, by Claude Code, or by what Claude was asked first.")
    title_source: TitleSource
    own_title: bool = Field(description="Whether `title` was given with PATCH.")
    is_starred: bool
    tags: list[str]
    note: str | None
    parent_session_id: str | None = Field(description="The session that this one continues.")
    project_id: int | None
    project_name: str | None
    user: str | None
    start_time: datetime | None
    end_time: datetime | None = Field(description="null while the session is open.")
    duration_minutes: float
    active_minutes: float
    status: Literal["open", "ended"]
    end_reason: Literal["explicit", "idle", "imported", "clear", "resume", "logout", "prompt_input_exit", "other"] | None = Field(
        description="Why Claude Code ended it, as its hook says; else `explicit`: a client ended it; `idle`: nothing was heard of it for long; "
        "`imported`: only a summary from claude.json is known, no single events."
    )
    messages_count: int
    user_messages: int = Field(description="Prompts, of `messages_count`.")
    commands: Commands
    files_modified_count: int
    lines_added: int
    lines_removed: int
    tool_calls_count: int
    tool_errors_count: int
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    model: str | None
    git_branch: str | None
    client_version: str | None
    cost_usd: float | None = Field(description="null if no price is known.")
    cache_saved_usd: SessionSavedUsd
    source: str | None
    machines: list[SessionMachine] = Field(description="Those that it was seen on. A session that was resumed elsewhere has several.")
    share: SessionShare | None = Field(None, description="Only with `include_share=true`: what of it is within the dates.")


class Message(BaseModel):
    id: UUID
    session_id: str | None
    project_id: int | None
    role: Literal["user", "assistant"]
    content: str = Field(description="Empty if Claude only called tools.")
    timestamp: datetime | None = Field(description="null if the time is unknown.")
    model: str | None
    agent_id: str | None = Field(description="The subagent that wrote or received the message.")


class FoundMessage(Message):
    session_title: str | None
    project_name: str | None
    user: str | None
    snippet: str = Field(description="HTML: escaped text with <mark>.")
    score: float


class FileActivity(BaseModel):
    id: UUID
    session_id: str | None
    project_id: int | None
    file_path: str | None
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: bool = Field(description="True if the line counts are estimated from the tool call.")
    timestamp: datetime | None
    agent_id: str | None = Field(description="The subagent that changed the file.")
    source: str | None
    tool_call_id: UUID | None = Field(description="The tool call that made the change; null if it is not known.")
    patch: str | None = Field(None, description="Only with `include_patch=true`: a unified diff without its head; null if it is not known.")
    patch_left_out_lines: int = Field(0, description="Only with `include_patch=true`: how many lines of the diff are missing at its end.")


class Media(BaseModel):
    type: str = Field(examples=["image/png"])
    bytes: int = Field(description="Its size before base64.")


class ToolResult(BaseModel):
    """What is stored of what a call gave back. A long text is its beginning and its end."""

    text: str = Field(description="As Claude was told it, redacted; without escape codes of terminals.")
    left_out_characters: int = Field(description="How many characters are missing. 0: it is the whole text.")
    cut_at_character: int | None = Field(description="They are missing after so many characters of `text`; null if none are.")
    media: list[Media] = Field(description="Images and other files that are no text. Their data is not stored here.")


class SessionToolCall(BaseModel):
    id: UUID
    session_id: str | None
    project_id: int | None
    tool_name: str
    parameters: Any = Field(description="The parameters as they were sent; null if there were none.")
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"]
    error_class: str | None = Field(
        description="Why it failed, as `file_not_found`; `other` if no rule says why. null: it did not fail, or it was stored before there were classes.",
        examples=["file_not_found"],
    )
    result: ToolResult | None = Field(
        default=None, description="Only with `include_result=true`; null if nothing is known, or kept, of what the call gave back."
    )
    execution_time_ms: int | None
    duration_source: Literal["reported", "timestamps"] | None = Field(
        description="`reported`: measured by Claude Code. `timestamps`: time between call and result, waiting for permission included."
    )
    wait_ms: int | None = Field(description="How long it waited before it ran, as for a permission; null if not known.")
    timestamp: datetime | None
    agent_id: str | None = Field(description="The subagent that called the tool.")
    started_agent: str | None = Field(description="The subagent that the call started: the `agent_id` of what that did.")
    source: str | None


class SessionPage(Page):
    items: list[Session]


class MessagePage(Page):
    items: list[Message]


class SearchPage(MatchPage):
    items: list[FoundMessage]
    pending_documents: int = Field(
        description="Messages that cannot be found yet, of all projects, up to 10,000. Not 0 only while very many are stored, as by an import."
    )


class ActivityPage(Page):
    items: list[FileActivity]


class ToolCallPage(Page):
    items: list[SessionToolCall]
