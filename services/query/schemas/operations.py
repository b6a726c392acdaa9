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
    kind: Literal["import", "undo", "reparse"]
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = Field(description="Estimated from the pace so far; null before the first rows.")
    rows_per_second: float | None = Field(description="Average over the whole job; null before the first rows.")
    user: str | None = Field(description="The user that it was sent for; null: those that the sessions name.")
    stage: str
    bytes_done: int
    bytes_total: int = Field(description="0 for an undo.")
    files_done: int = Field(description="Number of files, those inside archives included.")
    rows_done: int = Field(description="Rows that were read, new or not.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    undoes: UUID | None = Field(description="For an undo: the import that it takes back.")
    undone_at: datetime | None = Field(description="For an import: when it was undone.")
    can_retry: bool = Field(description="True if the job failed and its files are still stored.")
    projects_imported: int
    sessions_imported: int
    sessions_updated: int
    conversations_imported: int
    activities_imported: int
    tool_calls_imported: int
    api_calls_imported: int
    duplicates: int
    files: list[ImportedFile]
    unknown_records: dict[str, int] = Field(description="Number of records of unknown types, by type.")
    skipped_records: dict[str, int] = Field(
        description="Number of records that were left out, by reason. Records of another user's sessions count too."
    )
    redactions: dict[str, int] = Field(description="Number of secrets that were replaced before storing, by kind.")
    selection: dict[str, Any] = Field(
        description="For a reparse: the `session_id` or `project_id` that it is of, without one everything; `dry_run` and `max_removed`."
    )
    changes: dict[str, int] = Field(
        description="For a reparse: how many rows it added, changed and removed, by table; with `dry_run`, how many it would.",
        examples=[{"messages_changed": 3}],
    )
    errors: list[dict[str, Any]] = Field(description="The first 100.")
    errors_total: int


class JobPage(Page):
    items: list[ImportJob]


class Scrub(BaseModel):
    scrub_id: UUID
    status: Literal["queued", "running", "succeeded", "failed"]
    dry_run: bool = Field(description="True: rows are counted and not changed.")
    rows_scanned: int
    rows_changed: int = Field(description="Rows that changed; with `dry_run`, rows that would change.")
    redactions: dict[str, int] = Field(description="Number of secrets found, by kind.")
    remains: dict[str, str] = Field(
        description="What the scrub could not reach, by name, with what to do about it; complete when it has succeeded. Empty with `dry_run`.",
        examples=[{"backups": "Backups from before hold what they held. Make a new one, and delete those."}],
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class DeadLetterParameters(Paged):
    kind: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only dead letters of this kind.", examples=["conversation"])
    ] = None
    reason: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=500, description="Only dead letters with exactly this reason.")
    ] = None
    status: Literal["waiting", "stored"] = Field("waiting", description="`waiting`: not stored yet. `stored`: the event was stored later.")


class DeadLetter(BaseModel):
    id: UUID
    kind: str = Field(
        description="Kind of event. `journal_entry`: a whole entry that could not be read, or that crashed workers.",
        examples=["conversation"],
    )
    reason: str = Field(examples=["StringDataRightTruncation: value too long for type character varying(10)"])
    sqlstate: str | None = Field(examples=["22001"])
    status: Literal["waiting", "replaying", "stored"]
    event_id: UUID | None
    journal_entry_id: str = Field(
        description="The journal entry that first carried it; `import:` and the job's id if it came from an import."
    )
    request_id: str | None = Field(description="Id of the request that sent it. It is in the logs of every step.")
    attempts: int = Field(description="How often storing it failed.")
    replays: int
    received_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime = Field(description="When storing it failed last.")
    replayed_at: datetime | None
    stored_at: datetime | None
    payload_bytes: int = Field(description="Size of the payload; 0 once the event is stored.")


class ShownDeadLetter(DeadLetter):
    payload: str = Field(description="The event without secrets. Bytes that are not text are shown as \\xNN.")
    payload_is_cut: bool = Field(description="True if only the beginning of the payload is shown.")


class DeadLetterGroup(BaseModel):
    kind: str
    reason: str
    sqlstate: str | None
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    newest: list[UUID] = Field(description="Ids of up to three dead letters, newest first.")


class DeadLetterPage(Page):
    groups: list[DeadLetterGroup] = Field(description="Groups by kind, reason and SQLSTATE that pass the filters; the 100 largest.")
    total: int = Field(description="Number of dead letters in all groups.")
    items: list[DeadLetter]


class ApiKey(BaseModel):
    id: str = Field(description="The public part of the key.")
    name: str
    scopes: list[Literal["ingest", "read", "numbers", "metrics", "admin"]]
    user: str | None = Field(description="The user that owns everything written with the key; null: each write names its own user.")
    project_ids: list[int] | None = Field(description="The projects that the key can read; null: all.")
    created_at: datetime
    last_used_at: datetime | None = Field(description="Accurate to about a minute; null: never used.")
    revoked_at: datetime | None
    logins: int = Field(description="Browsers that are logged in with it.")


class KeyPage(BaseModel):
    items: list[ApiKey]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")


class OwnKey(BaseModel):
    key_id: str
    name: str | None
    scopes: list[Literal["ingest", "read", "numbers", "metrics", "admin"]]
    user: str | None = Field(description="The user that owns everything written with the key; null: each write names its own user.")
    project_ids: list[int] | None = Field(description="The projects that the key can read; null: all.")
    expires_at: datetime | None = Field(
        description="When the login ends that this request came with; null for a key, which does not expire."
    )


class Me(BaseModel):
    access: Literal["open", "keys"] = Field(description="`open`: no key is needed.")
    key: OwnKey | None = Field(description="null without a key: with open access everything is allowed.")
    version: str
    timezone: str = Field(description="What a day is where a request has no `tz` (TRACKER_TIMEZONE).")
    idle_gap_minutes: float = Field(description="A longer pause between two events is not active time (TRACKER_IDLE_GAP_SECONDS).")
    machine_silent_hours: int = Field(description="A machine that was not heard of for longer is silent (TRACKER_MACHINE_SILENT_HOURS).")
    ready_lag_seconds: int = Field(description="With an older entry in the journal, data is behind (TRACKER_READY_LAG_SECONDS).")
    canary_max_age_seconds: float | None = Field(
        description="An older newest canary says that events get stuck (TRACKER_CANARY_MAX_AGE_SECONDS); null without canaries."
    )
    tool_results: Literal["on", "errors"] = Field(
        description="`errors`: results are stored only of calls that did not succeed (TRACKER_TOOL_RESULTS)."
    )
    flower: str | None = Field(description="Where Flower is, a path or a URL; null if it is not known (TRACKER_FLOWER_URL).")


class Act(BaseModel):
    id: int
    at: datetime
    who: str = Field(description="Id of the API key. `open`: access was open. `machine`: a command on the server.")
    key_name: str | None
    act: str = Field(examples=["key.create"])
    subject: str | None = Field(description="Id of the changed object.")
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


class DamagedTranscript(BaseModel):
    """Keys that see only numbers see how many there are, and not which."""

    session_id: str | None
    file: str | None
    machine: str | None = Field(description="Empty for a file of an import.")
    reason: Literal["missing", "damaged"] = Field(description="`damaged`: what is stored is not what was put.")
    found_at: datetime


class Accounting(BaseModel):
    """accepted = persisted + duplicate + dead + pending; while events go through, `drift` says whether it holds."""

    accepted: int = Field(
        description="Events appended to the journal since it was created, canaries included. Imported events do not pass through the journal."
    )
    persisted: int
    duplicate: int
    dead: int
    pending: int
    drift: int = Field(description="Accepted events minus all others in the equation. 0 means that every event is accounted for.")
    alarms: int = Field(description="How many of the checks, one a minute, found drift.")
    former_epochs: int = Field(description="Number of earlier journals that this one replaced. Their events are not counted here.")
    canary_age_seconds: float | None = Field(
        description="Age of the newest canary that was stored, or time since the service's start if that is shorter; null without canaries."
    )
    search_pending: int = Field(description="Documents that the search index lacks or has in an older state, in part an estimate.")
    search_oldest_seconds: float = Field(description="For how long the oldest change waits to be searchable; 0 if none does.")
    damaged_transcripts: list[DamagedTranscript] = Field(
        description="Archived transcripts that a reparse, a scrub or `verify --archive` could not read; the first 100."
    )
