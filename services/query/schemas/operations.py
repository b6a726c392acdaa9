"""Import jobs, scrubs, dead letters, keys and the service itself: parameters and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.query.schemas.fields import Absent, Page, Paged, Text


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


class JobPage(Page):
    items: list[ImportJob]


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


class LetterList(Paged):
    kind: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only letters of this kind.", examples=["conversation"])
    ] = None
    reason: Annotated[Text | None, Absent(), Field(min_length=1, max_length=500, description="Only letters that died of this.")] = None
    status: Literal["waiting", "stored"] = Field("waiting", description="Letters that wait, or those whose event was stored later.")


class DeadLetter(BaseModel):
    id: UUID
    kind: str = Field(description="`journal_entry` is a whole entry: not readable, or deadly to its worker.", examples=["conversation"])
    reason: str = Field(examples=["StringDataRightTruncation: value too long for type character varying(10)"])
    sqlstate: str | None = Field(examples=["22001"])
    status: Literal["waiting", "replaying", "stored"]
    event_id: UUID | None
    journal_entry_id: str = Field(description="The entry in which it first came; `import:` and the job's id if an import brought it.")
    request_id: str | None = Field(description="Of the request that brought it; the logs of every step carry it.")
    attempts: int = Field(description="How often it died.")
    replays: int
    received_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime = Field(description="When it died last.")
    replayed_at: datetime | None
    stored_at: datetime | None
    payload_bytes: int = Field(description="0 once its event is stored.")


class ShownDeadLetter(DeadLetter):
    payload: str = Field(description="What died, secrets replaced; bytes that are no text are shown as \\xNN.")
    payload_is_cut: bool = Field(description="Only its beginning is shown.")


class DeadLetterGroup(BaseModel):
    kind: str
    reason: str
    sqlstate: str | None
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    newest: list[UUID] = Field(description="Up to three letters, newest first.")


class DeadLetterPage(Page):
    groups: list[DeadLetterGroup] = Field(description="All that pass the filters, by kind, reason and SQLSTATE; the 100 largest.")
    total: int = Field(description="Of all groups.")
    items: list[DeadLetter]


class ApiKey(BaseModel):
    id: str = Field(description="The part of the key that may be shown.")
    name: str
    scopes: list[Literal["ingest", "read", "numbers", "metrics", "admin"]]
    user: str | None = Field(description="Whose its writes are; null: whoever they say.")
    project_ids: list[int] | None = Field(description="Of which projects its reads are; null: of all.")
    created_at: datetime
    last_used_at: datetime | None = Field(description="To about a minute; null: never.")
    revoked_at: datetime | None


class KeyPage(BaseModel):
    items: list[ApiKey]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")


class Act(BaseModel):
    id: int
    at: datetime
    who: str = Field(description="A key's id; `open`: none was needed; `machine`: a command beside the database.")
    key_name: str | None
    act: str = Field(examples=["key.create"])
    subject: str | None = Field(description="The id of what it was done to.")
    details: dict[str, Any]
    request_id: str | None


class AuditPage(BaseModel):
    items: list[Act]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")


class Health(BaseModel):
    status: Literal["alive"]


class Readiness(BaseModel):
    status: Literal["ready"]
    journal_entries: int
    journal_oldest_seconds: float


class Canary(BaseModel):
    """The newest that is stored; all null before the first."""

    id: UUID | None
    sent_at: datetime | None
    stored_at: datetime | None


class Accounting(BaseModel):
    """accepted = persisted + duplicate + dead + pending; while events go through, `drift` says whether it holds."""

    accepted: int = Field(
        description="Events that came into the journal since it was made, canaries too; those of imports do not go through it."
    )
    persisted: int
    duplicate: int
    dead: int
    pending: int
    drift: int = Field(description="Events that are missing from the equation or too many in it. 0 if all is well.")
    alarms: int = Field(description="How often the check of each minute found drift.")
    former_epochs: int = Field(description="Journals that were replaced by this one; their events are not in these numbers.")
    canary_age_seconds: float | None = Field(
        description="How long ago the newest canary that came back was sent, or since the service's start if that is later; null without canaries."
    )
