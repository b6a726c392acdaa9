"""The response bodies of ingest."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.auth.keys import Scope
from shared.prices import Tier
from shared.retention import What

# Without `Prefer: wait=N` always "queued". "duplicate": not stored again, since the same fact is stored under another id.
Status = Literal["queued", "persisted", "duplicate", "dead_letter"]


# Whether keys that are bound to other users read it. null is one of the values, so that the schema has no alternatives.
Visibility = Literal["private", "shared", None]


# Only if there are some: fields of the body that no event has, "colour" or "usage.colour". At most 20 names, each cut to 100 characters.
IgnoredFields = Annotated[list[str], Meta(max_length=20, description="Fields of the body that were ignored; absent if there are none.")]


class SessionStarted(Struct, kw_only=True):
    """The ids of the session and its project; both can be used at once. `status` only with `Prefer: wait`."""

    session_id: str
    project_id: int
    message: str = "Session started successfully"
    status: Status | UnsetType = UNSET
    ignored_fields: IgnoredFields | UnsetType = UNSET


class SessionEnded(Struct, kw_only=True):
    """`project_id` is null while the start of a session that came in a batch is not stored yet."""

    session_id: str
    project_id: int | None
    message: str = "Session ended successfully"
    id: UUID
    status: Status
    ignored_fields: IgnoredFields | UnsetType = UNSET


class EventAccepted(Struct, kw_only=True):
    """The event is on disk. `session_id` is null for a tool call that belongs to no session."""

    id: UUID
    session_id: str | None
    status: Status
    ignored_fields: IgnoredFields | UnsetType = UNSET


class RejectedItem(Struct, kw_only=True):
    """Why an item of a batch was not accepted. `index` counts from 0; blank lines of NDJSON do not count."""

    index: int
    code: str
    message: str


class BatchAccepted(Struct, kw_only=True):
    """How many items are on disk, and which were rejected. `status` only with `Prefer: wait`."""

    accepted: int
    rejected: list[RejectedItem]
    status: Status | UnsetType = UNSET
    ignored_fields: IgnoredFields | UnsetType = UNSET


class ReadingsAccepted(Struct, kw_only=True):
    """How many readings are on disk, and which were rejected."""

    accepted: int
    rejected: list[RejectedItem]


class RangeAccepted(Struct, kw_only=True):
    """A range of a transcript is on disk, or was there before. `offset`: from where the file goes on."""

    offset: int
    status: Literal["accepted", "duplicate"]


class ImportAnswer(Struct, kw_only=True):
    """An import job that has ended (200; `success` says how) or is under way (202; `success` is null). Counts are of new rows.

    `skipped_records`: by reason, the records of which nothing is stored, those of another user's sessions included.
    """

    success: bool | None
    projects_imported: int
    sessions_imported: int
    conversations_imported: int
    activities_imported: int
    errors: list[dict[str, Any]]
    job_id: UUID
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    tool_calls_imported: int
    sessions_updated: int
    duplicates: int
    skipped_records: dict[str, int]
    errors_total: int


class JobChanged(Struct, kw_only=True):
    """The change of an import job is under way. For an undo, `job_id` is that of its own job."""

    job_id: UUID
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    message: str
    undoes: UUID | None = None


class ScrubStarted(Struct, kw_only=True):
    """The rules of redaction are being applied to what is stored; with `dry_run` changes are only counted. See /api/scrubs/{scrub_id}."""

    scrub_id: UUID
    status: Literal["queued"] = "queued"
    dry_run: bool


class TextsLetIn(Struct, kw_only=True):
    """The texts of a scrub are stored again where data that has them comes in. Texts that were replaced stay so."""

    scrub_id: UUID
    message: str = "The texts are no longer kept out."


class ErasureStarted(Struct, kw_only=True):
    """It is being erased, or with `dry_run` counted. See /api/erasures/{erasure_id}."""

    erasure_id: UUID
    kind: str
    status: Literal["queued"] = "queued"
    dry_run: bool


class TombstonesLifted(Struct, kw_only=True):
    """Data that these tombstones kept out may come in again. Erased data stays erased."""

    lifted: int


class ManifestAnswer(Struct, kw_only=True):
    """Which files need to be sent, by their index from 0. `max_upload_bytes`: the largest body of an import."""

    unseen: list[int]
    known: int
    max_upload_bytes: int


class KeyCreated(Struct, kw_only=True):
    """A new API key. `key` is shown only now; keep it where secrets are kept."""

    id: str
    name: str
    key: str
    scopes: list[Scope]
    user: str | None
    users: list[str] | None
    project_ids: list[int] | None
    created_at: datetime
    message: str = "This is the only time that the key is shown."


class KeyRevoked(Struct, kw_only=True):
    """Every process refuses the key within five seconds of `revoked_at`."""

    id: str
    name: str
    revoked_at: datetime
    message: str = "The key is revoked."


class LoggedIn(Struct, kw_only=True):
    """The browser has the cookie until `expires_at`. Both are null where access is open, and no key is needed."""

    key_id: str | None
    expires_at: datetime | None
    message: str


class LoggedOut(Struct, kw_only=True):
    """The cookie is gone, and no process takes it after five seconds."""

    message: str = "You are logged out."


class UserRenamed(Struct, kw_only=True):
    """A user's new name. `merging`: another user had it, and the rows of the former name are being moved to that user; `failed`: the last try did."""

    name: str
    former_name: str
    status: Literal["done", "merging", "failed"]
    message: str


class PathRuleAdded(Struct, kw_only=True):
    """The rule. The projects that it names are merged within seconds."""

    id: int
    pattern: str
    project_id: int
    created_at: datetime
    message: str = "The projects that the pattern names are being merged."


class PathRuleDeleted(Struct, kw_only=True):
    """The rule that is gone, and how many projects are taken out again."""

    id: int
    pattern: str
    projects_taken_out: int
    message: str = "The rule is deleted."


class ProjectChanged(Struct, kw_only=True):
    """A project after a change. `moving`: its sessions are being moved to the project under which they count from now on."""

    id: int
    name: str
    group: str | None
    archived: bool
    visibility: Visibility
    merged_into: int | None
    status: Literal["done", "moving"]
    message: str
    ignored_fields: IgnoredFields | UnsetType = UNSET


class SessionMarks(Struct, kw_only=True):
    """The marks that people gave a session. `title` is their own; null: the session has the one that Claude Code gave it.

    `visibility` is the one that counts: the session's own, else its project's; null: the server's.
    """

    session_id: str
    is_starred: bool
    tags: list[str]
    note: str | None
    title: str | None
    visibility: Visibility
    ignored_fields: IgnoredFields | UnsetType = UNSET


class MachineReported(Struct, kw_only=True):
    """The report is stored. `now` is the server's time, to compare the machine's clock with."""

    machine_id: str
    now: datetime


class RepositoriesReported(Struct, kw_only=True):
    """The number of folders that are new or changed. /api/projects shows which projects they become."""

    machine_id: str
    changed: int


class MachineForgotten(Struct, kw_only=True):
    """The machine is no longer listed. Its sessions and transcripts stay; if it reports again, it is listed again."""

    machine_id: str
    name: str
    message: str = "The machine is forgotten."


class ViewSaved(Struct, kw_only=True):
    """A view as it is saved. Likely secrets in it are redacted."""

    id: UUID
    name: str
    address: str
    created_at: datetime


class ViewDeleted(Struct, kw_only=True):
    """The view is gone, for everybody."""

    id: UUID
    name: str
    message: str = "The view is deleted."


class RetentionRuleSet(Struct, kw_only=True):
    """A rule of retention as it is stored. It counts from the next step of a run on."""

    id: UUID
    what: What
    days: int | None
    project_id: int | None
    user: str | None


class RetentionRuleUnset(Struct, kw_only=True):
    """A rule of retention that counts no more."""

    id: UUID
    what: What
    message: str = "The rule is taken back. What it dropped stays dropped."


class RetentionStarted(Struct, kw_only=True):
    """Data older than its rule allows is being dropped; with `dry_run` it is only counted. See /api/retention/runs/{run_id}."""

    run_id: UUID
    status: Literal["queued"] = "queued"
    dry_run: bool


class PriceSet(Struct, kw_only=True):
    """A price of one's own as it is stored, in USD for a million tokens, and for a thousand web searches."""

    id: UUID
    model: str
    tier: Tier
    valid_from: date | None
    above_input_tokens: int
    input: float
    output: float
    cache_write_5m: float
    cache_write_1h: float
    cache_read: float
    web_search: float
    message: str = "The next call is priced by it. POST /api/reprice prices those that are stored."


class PriceUnset(Struct, kw_only=True):
    """A price of one's own that counts no more."""

    id: UUID
    model: str
    message: str = "The price is taken back. What it priced keeps its cost until POST /api/reprice."


class RepriceStarted(Struct, kw_only=True):
    """Stored calls are being priced anew; with `dry_run` they are only counted. See /api/reprices/{reprice_id}."""

    reprice_id: UUID
    status: Literal["queued"] = "queued"
    dry_run: bool


class SessionAllowed(Struct, kw_only=True):
    """Data of the session that retention dropped is stored again when it is sent. `session`, `texts`: whether these were kept out."""

    session_id: str
    session: bool
    texts: bool


class ExportStarted(Struct, kw_only=True):
    """An export that a worker writes: `GET /api/exports/{export_id}` says how far it is."""

    export_id: UUID
    status: Literal["queued"]
    message: str = "The export is being written."


class ExportDeleted(Struct, kw_only=True):
    """The export's archive cannot be downloaded any more."""

    export_id: UUID
    message: str = "The export is deleted."


class DeadLetterReplayed(Struct, kw_only=True):
    """A dead letter that was put back on the journal. `status` is "persisted" if its event is stored, "dead_letter" if it died again.

    `letters`: for a whole journal entry whose events died again, the ids of their own dead letters.
    """

    id: UUID
    status: Status
    message: str
    letters: list[UUID] = []


class DeadLetterDeleted(Struct, kw_only=True):
    """A dead letter that was deleted, and its event with it."""

    id: UUID
    message: str


class DeadLettersChanged(Struct, kw_only=True):
    """How many dead letters of a group were replayed or deleted, and how many are left. Repeat with `seen_before` until none is left."""

    done: int
    left: int
    seen_before: datetime
    message: str
