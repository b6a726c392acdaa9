"""Import jobs, scrubs, dead letters, keys and the service itself: parameters and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.query.answers.answer import Answer
from services.query.answers.fields import JobFailure, NextCursor, doc
from shared.retention import What


class ImportedFile(Answer):
    name: str | None
    bytes: int | None
    kind: str | None


class ImportJob(Answer):
    job_id: UUID
    kind: Literal["import", "undo", "reparse"]
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: Annotated[float, Field(ge=0, le=1)]
    eta_seconds: Annotated[float | None, doc("Estimated from the pace so far; null before the first rows.")]
    rows_per_second: Annotated[float | None, doc("Average over the whole job; null before the first rows.")]
    user: Annotated[str | None, doc("The user that it was sent for; null: those that the sessions name.")]
    stage: str
    bytes_done: int
    bytes_total: Annotated[int, doc("0 for an undo.")]
    files_done: Annotated[int, doc("Number of files, those inside archives included.")]
    rows_done: Annotated[int, doc("Rows that were read, new or not.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    undoes: Annotated[UUID | None, doc("For an undo: the import that it takes back.")]
    undone_at: Annotated[datetime | None, doc("For an import: when it was undone.")]
    can_retry: Annotated[bool, doc("True if the job failed and its files are still stored.")]
    projects_imported: int
    sessions_imported: int
    sessions_updated: int
    conversations_imported: int
    activities_imported: int
    tool_calls_imported: int
    api_calls_imported: int
    duplicates: int
    files: list[ImportedFile]
    unknown_records: Annotated[
        dict[str, int],
        doc("What nothing reads, by name: types of records, attachments and the like, and fields, of which a sample is looked at."),
    ]
    skipped_records: Annotated[
        dict[str, int], doc("Number of records that were left out, by reason. Records of another user's sessions count too.")
    ]
    redactions: Annotated[dict[str, int], doc("Number of secrets that were replaced before storing, by kind.")]
    selection: Annotated[
        dict[str, Any],
        doc("For a reparse: the `session_id` or `project_id` that it is of, without one everything; `dry_run` and `max_removed`."),
    ]
    changes: Annotated[
        dict[str, int],
        doc(
            "For a reparse: how many rows it added, changed and removed, by table; with `dry_run`, how many it would.",
            examples=[{"messages_changed": 3}],
        ),
    ]
    errors: Annotated[list[dict[str, Any]], doc("The first 100.")]
    errors_total: int


class JobPage(Answer):
    items: list[ImportJob]
    next_cursor: NextCursor


class Scrub(Answer):
    scrub_id: UUID
    status: Literal["queued", "running", "succeeded", "failed"]
    dry_run: Annotated[bool, doc("True: rows are counted and not changed.")]
    rows_scanned: int
    rows_changed: Annotated[int, doc("Rows that changed; with `dry_run`, rows that would change.")]
    changed_in: Annotated[
        dict[str, int], doc("The same by store: the stage that went over it.", examples=[{"messages": 3, "transcripts": 1}])
    ]
    redactions: Annotated[dict[str, int], doc("Number of secrets found, by kind; `text`: given ones.")]
    texts: Annotated[int, doc("How many texts were given; 0: today's rules were applied.")]
    keep_out: Annotated[bool, doc("Whether the texts that were given are replaced from then on wherever data comes in.")]
    long_locks: Annotated[
        dict[str, int],
        doc(
            "Tables that are too large to be written anew unasked, with about how many seconds `rewrite_large` would lock each; of a dry run.",
            examples=[{"public.messages": 34}],
        ),
    ]
    remains: Annotated[
        dict[str, str],
        doc(
            "What the scrub could not reach, by name, with what to do about it; complete when it has succeeded. Empty with `dry_run`.",
            examples=[{"backups": "Backups from before hold what they held. Make a new one, and delete those."}],
        ),
    ]
    failure: JobFailure
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RetentionSetting(Answer):
    what: What
    days: Annotated[int | None, doc("From the server's setting `TRACKER_…_DAYS`; null: for good.")]


class StoredRule(Answer):
    id: UUID
    what: What
    days: Annotated[int | None, doc("null: for good.")]
    project_id: Annotated[int | None, doc("null: not of one project.")]
    project_name: str | None
    user: Annotated[str | None, doc("null: not of one user.")]
    key_id: Annotated[str | None, doc("The key that set it; null: no key was needed.")]
    changed_at: datetime


class Dropped(Answer):
    what: What
    project_id: Annotated[int | None, doc("null: of no project.")]
    project_name: str | None
    sessions: int
    rows: int
    bytes: Annotated[int, doc("As they are stored, without indexes.")]


class RetentionRun(Answer):
    run_id: UUID
    status: Literal["queued", "running", "succeeded", "failed"]
    dry_run: Annotated[bool, doc("True: nothing is dropped; `dropped` says what would be.")]
    rewrite: Annotated[bool, doc("Whether the files of tables are written anew at the end.")]
    scheduled: Annotated[bool, doc("Whether it began by itself.")]
    stage: Annotated[str | None, doc("What is being dropped now.", examples=["texts"])]
    dropped: Annotated[list[Dropped], doc("By kind and project, the most bytes first.")]
    database_bytes_before: Annotated[int | None, doc("Size of the database when the run began.")]
    database_bytes_after: Annotated[int | None, doc("Size of the database when the run had ended.")]
    failure: JobFailure
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Retention(Answer):
    settings: Annotated[list[RetentionSetting], doc("What counts where there is no rule.")]
    rules: Annotated[list[StoredRule], doc("A user's rule comes before a project's, and that before the one of everything.")]
    last_run: Annotated[RetentionRun | None, doc("The newest run that was no dry run.")]
    last_dry_run: RetentionRun | None


class DeadLetter(Answer):
    id: UUID
    kind: Annotated[
        str,
        doc("Kind of event. `journal_entry`: a whole entry that could not be read, or that crashed workers.", examples=["conversation"]),
    ]
    reason: Annotated[str, Field(examples=["StringDataRightTruncation: value too long for type character varying(10)"])]
    sqlstate: Annotated[str | None, Field(examples=["22001"])]
    status: Literal["waiting", "replaying", "stored"]
    event_id: UUID | None
    journal_entry_id: Annotated[str, doc("The journal entry that first carried it; `import:` and the job's id if it came from an import.")]
    request_id: Annotated[str | None, doc("Id of the request that sent it. It is in the logs of every step.")]
    attempts: Annotated[int, doc("How often storing it failed.")]
    replays: int
    received_at: datetime | None
    first_seen_at: datetime
    last_seen_at: Annotated[datetime, doc("When storing it failed last.")]
    replayed_at: datetime | None
    stored_at: datetime | None
    payload_bytes: Annotated[int, doc("Size of the payload; 0 once the event is stored.")]


class ShownDeadLetter(DeadLetter):
    payload: Annotated[str, doc("The event without secrets. Bytes that are not text are shown as \\xNN.")]
    payload_is_cut: Annotated[bool, doc("True if only the beginning of the payload is shown.")]


class DeadLetterGroup(Answer):
    kind: str
    reason: str
    sqlstate: str | None
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    newest: Annotated[list[UUID], doc("Ids of up to three dead letters, newest first.")]


class DeadLetterPage(Answer):
    groups: Annotated[list[DeadLetterGroup], doc("Groups by kind, reason and SQLSTATE that pass the filters; the 100 largest.")]
    total: Annotated[int, doc("Number of dead letters in all groups.")]
    items: list[DeadLetter]
    next_cursor: NextCursor


class ApiKey(Answer):
    id: Annotated[str, doc("The public part of the key.")]
    name: str
    scopes: list[Literal["ingest", "read", "numbers", "metrics", "admin"]]
    user: Annotated[str | None, doc("The user that owns everything written with the key; null: each write names its own user.")]
    users: Annotated[list[str] | None, doc("The users whose sessions the key reads, besides shared ones; null: sessions of all.")]
    project_ids: Annotated[list[int] | None, doc("The projects that the key can read; null: all.")]
    created_at: datetime
    last_used_at: Annotated[datetime | None, doc("Accurate to about a minute; null: never used.")]
    revoked_at: datetime | None
    logins: Annotated[int, doc("Browsers that are logged in with it.")]


class KeyPage(Answer):
    items: list[ApiKey]
    next_cursor: Annotated[str | None, doc("Where the next page begins; null on the last.")]


class OwnKey(Answer):
    key_id: str
    name: str | None
    scopes: list[Literal["ingest", "read", "numbers", "metrics", "admin"]]
    user: Annotated[str | None, doc("The user that owns everything written with the key; null: each write names its own user.")]
    users: Annotated[list[str] | None, doc("The users whose sessions the key reads, besides shared ones; null: sessions of all.")]
    project_ids: Annotated[list[int] | None, doc("The projects that the key can read; null: all.")]
    expires_at: Annotated[datetime | None, doc("When the login ends that this request came with; null for a key, which does not expire.")]


class Me(Answer):
    access: Annotated[Literal["open", "keys"], doc("`open`: no key is needed.")]
    key: Annotated[OwnKey | None, doc("null without a key: with open access everything is allowed.")]
    version: str
    timezone: Annotated[str, doc("What a day is where a request has no `tz` (TRACKER_TIMEZONE).")]
    sessions: Annotated[
        Literal["private", "shared"], doc("Whether sessions of which nothing else is said are read by all keys (TRACKER_SESSIONS).")
    ]
    idle_gap_minutes: Annotated[float, doc("A longer pause between two events is not active time (TRACKER_IDLE_GAP_SECONDS).")]
    machine_silent_hours: Annotated[int, doc("A machine that was not heard of for longer is silent (TRACKER_MACHINE_SILENT_HOURS).")]
    ready_lag_seconds: Annotated[int, doc("With an older entry in the journal, data is behind (TRACKER_READY_LAG_SECONDS).")]
    canary_max_age_seconds: Annotated[
        float | None, doc("An older newest canary says that events get stuck (TRACKER_CANARY_MAX_AGE_SECONDS); null without canaries.")
    ]
    tool_results: Annotated[
        Literal["on", "errors"], doc("`errors`: results are stored only of calls that did not succeed (TRACKER_TOOL_RESULTS).")
    ]
    flower: Annotated[str | None, doc("Where Flower is, a path or a URL; null if it is not known (TRACKER_FLOWER_URL).")]


class Act(Answer):
    id: int
    at: datetime
    who: Annotated[str, doc("Id of the API key. `open`: access was open. `machine`: a command on the server.")]
    key_name: str | None
    act: Annotated[str, Field(examples=["key.create"])]
    subject: Annotated[str | None, doc("Id of the changed object.")]
    details: dict[str, Any]
    request_id: str | None


class AuditPage(Answer):
    items: list[Act]
    next_cursor: Annotated[str | None, doc("Where the next page begins; null on the last.")]


class Health(Answer):
    status: Literal["alive"]


class Readiness(Answer):
    status: Literal["ready"]
    journal_entries: int
    journal_oldest_seconds: float


class Canary(Answer):
    """The newest that is stored; all null before the first."""

    id: UUID | None
    sent_at: datetime | None
    stored_at: datetime | None


class DamagedTranscript(Answer):
    """Keys that see only numbers see how many there are, and not which."""

    session_id: str | None
    file: str | None
    machine: Annotated[str | None, doc("Empty for a file of an import.")]
    reason: Annotated[Literal["missing", "damaged"], doc("`damaged`: what is stored is not what was put.")]
    found_at: datetime


class UnpricedModel(Answer):
    model: str
    api_calls: Annotated[int, doc("Its calls that have no price.")]


class Accounting(Answer):
    """accepted = persisted + duplicate + dead + left_out + pending; while events go through, `drift` says whether it holds."""

    accepted: Annotated[
        int, doc("Events appended to the journal since it was created, canaries included. Imported events do not pass through the journal.")
    ]
    persisted: int
    duplicate: int
    dead: int
    left_out: Annotated[int, doc("Events of what was erased or has expired: acknowledged, and not stored.")]
    pending: int
    drift: Annotated[int, doc("Accepted events minus all others in the equation. 0 means that every event is accounted for.")]
    alarms: Annotated[int, doc("How many of the checks, one a minute, found drift.")]
    former_epochs: Annotated[int, doc("Number of earlier journals that this one replaced. Their events are not counted here.")]
    canary_age_seconds: Annotated[
        float | None,
        doc("Age of the newest canary that was stored, or time since the service's start if that is shorter; null without canaries."),
    ]
    search_pending: Annotated[int, doc("Texts that the search index of the query process that answers lacks or has in an older state.")]
    search_oldest_seconds: Annotated[float, doc("For how long the oldest change waits to be searchable; 0 if none does.")]
    search_waiting_sessions: Annotated[int, doc("Sessions that this index does not rank as they are.")]
    damaged_transcripts: Annotated[
        list[DamagedTranscript], doc("Archived transcripts that a reparse, a scrub or `verify --archive` could not read; the first 100.")
    ]
    unpriced_models: Annotated[
        list[UnpricedModel],
        doc(
            "Models with calls that have no price, those with most calls first; the first 50. PUT /api/prices sets one, POST /api/reprice uses it for them."
        ),
    ]
