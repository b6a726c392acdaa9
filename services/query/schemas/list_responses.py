"""What the endpoints answer, for the OpenAPI document alone: answers are not run through these models."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Error(BaseModel):
    """Every answer that is not 2xx."""

    model_config = ConfigDict(extra="forbid")

    error: Literal[True]
    message: str = Field(description="Tells a person what to do.", examples=["limit: Input should be less than or equal to 1000"])
    code: str = Field(description="A word for programs.", examples=["VALIDATION_ERROR"])
    details: dict[str, Any] = Field(description="By field, what is wrong with it.")


class Project(BaseModel):
    id: int = Field(examples=[1])
    name: str | None = Field(examples=["claude-tracker"], description="null for a key that may only see numbers.")
    path: str | None = Field(examples=["/home/user/claude-tracker"], description="null for a key that may only see numbers.")
    total_sessions: int
    total_time_minutes: int = Field(description="Σ(end − start) of the sessions; an open one counts to its last event.")
    files_modified_count: int = Field(description="Distinct files.")
    lines_changed_count: int = Field(description="Added and removed.")
    last_session: datetime | None
    created_at: datetime
    active_minutes: float = Field(description="Time at the desk: gaps of at most `idle_gap_seconds` between events.")
    messages_count: int
    tool_calls_count: int
    api_calls: int
    unpriced_calls: int = Field(description="API calls whose price is not known: `cost_usd` is of the others.")
    cost_usd: float | None = Field(description="null where no price is known; unknown is never 0.")


class Session(BaseModel):
    session_id: str
    title: str | None = Field(description="As its person or Claude called it, or the beginning of its first prompt.")
    parent_session_id: str | None = Field(description="The session that it goes on with.")
    project_id: int | None
    project_name: str | None
    user: str | None
    start_time: datetime | None
    end_time: datetime | None = Field(description="null while the session is open.")
    duration_minutes: float
    active_minutes: float
    status: Literal["open", "ended"]
    end_reason: Literal["explicit", "idle", "imported"] | None = Field(
        description="`imported`: nothing that happened in it is known, only what a claude.json says of it."
    )
    messages_count: int
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
    unpriced_calls: int = Field(description="API calls whose price is not known: `cost_usd` is of the others.")
    model: str | None
    git_branch: str | None
    client_version: str | None
    cost_usd: float | None = Field(description="null where no price is known.")
    source: str | None


class Message(BaseModel):
    id: UUID
    session_id: str | None
    project_id: int | None
    role: Literal["user", "assistant"]
    content: str = Field(description="Empty where Claude only used tools.")
    timestamp: datetime | None = Field(description="null where the date is not known.")
    model: str | None
    agent_id: str | None = Field(description="The subagent that said it or was told it.")


class FoundMessage(Message):
    snippet: str = Field(description="HTML: escaped text with <mark>.")
    score: float


class Activity(BaseModel):
    id: UUID
    session_id: str | None
    project_id: int | None
    file_path: str | None
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: bool = Field(description="The lines were not told, but worked out of what is known of the call.")
    timestamp: datetime | None
    agent_id: str | None = Field(description="The subagent that did it.")
    source: str | None


class SessionToolCall(BaseModel):
    id: UUID
    session_id: str | None
    project_id: int | None
    tool_name: str
    parameters: Any = Field(description="As it was sent; null if nothing was.")
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"]
    execution_time_ms: int | None
    duration_source: Literal["reported", "timestamps"] | None = Field(
        description="How the time is known: told, or the time between two records, waiting for a permission included."
    )
    timestamp: datetime | None
    agent_id: str | None = Field(description="The subagent that called it.")
    source: str | None


class _Page(BaseModel):
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")


class SessionPage(_Page):
    items: list[Session]


class MessagePage(_Page):
    items: list[Message]


class SearchPage(_Page):
    items: list[FoundMessage]
    total: int = Field(description="Stops counting at 10,000.")
    total_is_exact: bool = Field(
        description="If not, `total` is an estimate, or what was counted so far: counting on would take longer than the search."
    )


class ActivityPage(_Page):
    items: list[Activity]


class ToolCallPage(_Page):
    items: list[SessionToolCall]


class ImportedFile(BaseModel):
    name: str | None
    bytes: int | None
    kind: str | None


class ImportJob(BaseModel):
    job_id: UUID
    kind: Literal["import", "undo"]
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = Field(description="At the pace so far; null if there is none.")
    rows_per_second: float | None = Field(description="Over the whole job; null while there are none.")
    stage: str
    bytes_done: int
    bytes_total: int = Field(description="0 for an undo.")
    files_done: int = Field(description="Files, those in archives too.")
    rows_done: int = Field(description="Rows that were looked at, new or not.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    undoes: UUID | None = Field(description="Of an undo, the import that it takes back.")
    undone_at: datetime | None = Field(description="Of an import, when it was taken back.")
    can_retry: bool = Field(description="It failed, and its files are still here.")
    projects_imported: int
    sessions_imported: int
    sessions_updated: int
    conversations_imported: int
    activities_imported: int
    tool_calls_imported: int
    api_calls_imported: int
    duplicates: int
    files: list[ImportedFile]
    unknown_records: dict[str, int] = Field(description="By type, how many records there were that nobody knows.")
    skipped_records: dict[str, int] = Field(
        description="By reason, how many records there were of which nothing is kept, those of another user's sessions included."
    )
    redactions: dict[str, int] = Field(description="By kind, how many secrets were replaced before anything was stored.")
    errors: list[dict[str, Any]] = Field(description="The first 100.")
    errors_total: int


class Scrub(BaseModel):
    scrub_id: UUID
    status: Literal["queued", "running", "succeeded", "failed"]
    dry_run: bool = Field(description="Nothing is changed, only counted.")
    rows_scanned: int
    rows_changed: int = Field(description="With `dry_run`: that would be.")
    redactions: dict[str, int] = Field(description="By kind, how many secrets were found.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobPage(_Page):
    items: list[ImportJob]
