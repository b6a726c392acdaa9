"""The records that an importer reads from a file. services.worker.importers makes them, services.worker.persist stores them; no client sends them.

A record's fields are the columns of its table in the catalogue (shared/tables), and the fields of its row in an export. Bounds of a field are those of
a row in an export, which any program may have written.

Every id is a UUIDv5 of the natural key that Claude Code itself uses (services/worker/importers/formats/ids.py). So the same act, read from another
file or sent by a hook, is the same row. Where two versions of a record differ, the better one is kept, in any order of arrival.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from msgspec import Meta, Struct

from shared.claude_formats.call_outcome import CallOutcome
from shared.events.messages import Count, SessionId, ToolStatus

# With an offset: one without would be compared with ours.
Time = Annotated[datetime, Meta(tz=True)]

# Where a tool call's duration comes from: Claude Code reports it, or it is the time between call and result, with the wait for permission.
DurationSource = Literal["reported", "timestamps"]

# Thinking is hidden unless it is asked for. A compaction replaces what was said by a summary. A command is one of Claude Code's own, as /clear.
# The decision on a call. Its source is a rule of the settings, another setting, the classifier of auto mode, a hook or a person. A person
# decides for once or for good, by a No or by Esc. A word that is not known here is "other".
Decision = Literal["accept", "reject", "cancelled", "other"]
# A transcript comes before telemetry.
DecisionTeller = Literal["transcript", "telemetry"]
DecisionSource = Literal["rule", "config", "classifier", "hook", "user_temporary", "user_permanent", "user_reject", "user_abort", "other"]
# How much Claude was asked to think.
Effort = Literal["low", "medium", "high", "xhigh", "max", "other"]

EntryKind = Literal["thinking", "compaction", "compaction_summary", "command", "command_output", "interruption", "api_error", "notice"]

# The rank of a session's titles; the highest is shown. The person's own, Claude's, a summary, the first prompt.
TITLE_OF_PERSON, TITLE_OF_CLAUDE, TITLE_OF_SUMMARY, TITLE_OF_PROMPT = 4, 3, 2, 1


# How hooks say that a session ended. A reason that is not known here is "other".
END_REASONS = frozenset({"clear", "resume", "logout", "prompt_input_exit", "other"})
# The source of what live capture reads from hooks. Events that clients send may have it too; these have been brought by no job.
HOOK = "hook"
# True for a call that is staged once more because of a signal. No row has it (services/worker/persist/signal_rows.py).
SIGNAL = "signal"

# The numbers of SessionFacts. They are never added up: the greatest of each counts.
SESSION_NUMBERS = (
    "wall_duration_ms",
    "api_duration_ms",
    "tool_duration_ms",
    "lines_added",
    "lines_removed",
    "input_tokens",
    "output_tokens",
    "cache_creation_tokens",
    "cache_read_tokens",
    "cost_nano_usd",
)


class ProjectSeen(Struct, kw_only=True):
    """A file names a project. Perhaps nothing happened in it."""

    id: UUID
    project_path: str


class RepositorySeen(Struct, kw_only=True):
    """A claude.json says which repository a folder is. `remote` is in its one form (shared/projects/remotes.py)."""

    id: UUID
    path: str
    remote: str


class SessionFacts(Struct, kw_only=True):
    """One file's facts about a session as a whole. The id depends on all of these facts, so another version of the file adds its own.

    Several facts of one session are merged: the earliest start, with its project, branch and version; the latest end; the union of active time; the
    greatest of each number. The model is that of the latest facts with one; the title has the highest rank, then the latest end.
    Numbers describe the whole session, so they are never added up. A transcript gives facts twice: at the session's beginning, so that the session
    exists before its messages, only project, start, branch and version; at its end, everything.
    """

    id: UUID
    session_id: SessionId
    source: str
    project_path: str | None = None
    user: str | None = None
    # When the session's first and last record was written, if the file tells. A transcript's `progress` records do not count.
    started_at: datetime | None = None
    ended_at: datetime | None = None
    # Union of [t, t + idle gap) over the session's records in the file.
    active_ranges: list[tuple[Time, Time]] = []
    title: str | None = None
    title_rank: Annotated[int, Meta(ge=0, le=100)] = 0
    # The session that this one was forked from or continues, if the file says so.
    parent_session_id: str | None = None
    git_branch: str | None = None
    client_version: str | None = None
    model: str | None = None
    wall_duration_ms: int | None = None
    api_duration_ms: int | None = None
    tool_duration_ms: int | None = None
    lines_added: int | None = None
    lines_removed: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cache_read_tokens: int | None = None
    cost_nano_usd: int | None = None
    # How the session ended at `ended_at`, as a hook says: END_REASONS. Other sources do not say it.
    end_reason: str | None = None
    # This and the field before must be the last ones (session_facts.with_id).
    client_costs: "ClientCosts | None" = None


class ClientUsage(Struct, kw_only=True):
    """Claude Code's count for one model. `cache_creation_1h_tokens` is part of `cache_creation_tokens`; None: it did not say."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_creation_1h_tokens: int | None = None
    cache_read_tokens: int = 0
    web_searches: int = 0
    cost_nano_usd: int = 0


class ClientCosts(Struct, kw_only=True):
    """Claude Code's own count for a session, as its last `cost-state` says: also of calls that no transcript has."""

    cost_nano_usd: int
    # When its count began, in milliseconds since 1970. A session that is resumed or forked goes on with the count, and with its beginning.
    started_ms: int | None = None
    models: dict[str, ClientUsage] = {}
    # A model's price was not known to it, so it took that of another.
    has_unknown_model_cost: bool = False
    # The cost of calls that plugins made.
    plugin_calls_nano_usd: int = 0
    # In auto mode a model judges commands. Its calls are in no transcript.
    is_auto_mode: bool = False


class RowRecord(Struct, kw_only=True):
    """A record that is a row. A fork shares these with its origin: the same ids, another session.

    `copied_at`: when the file was begun that copied it of another session's; None: it is the session's own.
    """

    copied_at: datetime | None = None


class Message(RowRecord, kw_only=True):
    """One message of a person or of Claude. Claude's text is all text blocks of one `message.id`, in order; it is empty if Claude only used tools.

    Messages of hooks have ids of their own; a transcript of the session takes their place (services/worker/persist/hook_rows.py).
    Prompts of claude.json and history.jsonl may lack a session, and belong to `project_path` alone; without a timestamp they belong to no day.
    A prompt of history.jsonl that names its session is in that session's transcript too, under another id.
    The version with the longer content is kept.
    """

    id: UUID
    role: Literal["user", "assistant"]
    content: str
    # None: a client sent it, and named none.
    source: str | None
    session_id: SessionId | None = None
    project_path: str | None = None
    user: str | None = None
    # The subagent that wrote it; the session is its parent's. "sidechain" if the file does not name it.
    agent_id: str | None = None
    timestamp: Time | None = None
    model: str | None = None


class Media(Struct):
    """`type`: image/png; `bytes`: its size as it was, not in base64."""

    type: str
    bytes: int


class Result(Struct, kw_only=True):
    """A tool call's result. A long text is its beginning and its end; `left_out` characters are missing after `cut_at` characters."""

    text: str
    left_out: int = 0
    cut_at: int | None = None
    # Images and other binaries.
    media: list[Media] = []


class KeptResults(Struct, frozen=True):
    """How much is kept of results. `characters`: of each text, at most. `only_errors`: only of calls that did not succeed.

    `thinking`: whether Claude's thinking is kept too.
    """

    characters: int = 16 * 1024
    only_errors: bool = False
    thinking: bool = True

    @property
    def head(self) -> int:
        """Three quarters are kept of the beginning."""
        return self.characters * 3 // 4

    def keeps(self, status: ToolStatus) -> bool:
        """Whether the result of a call with this status is kept."""
        return not self.only_errors or status not in ("success", "pending")


class ToolUse(RowRecord, kw_only=True):
    """One tool call with its result. `pending` if the file has no result; a version with a result is kept instead."""

    id: UUID
    # None: a client sent it without one. Then it has perhaps a user.
    session_id: SessionId | None
    tool_name: str
    status: ToolStatus
    timestamp: Time
    # None: the client named none.
    source: str | None
    user: str | None = None
    agent_id: str | None = None
    duration_ms: Count | None = None
    duration_source: DurationSource | None = None
    # Milliseconds before the call ran, as for a permission; then `duration_ms` is the time that it ran.
    wait_ms: Count | None = None
    # Long texts are cut, so that a row stays small.
    parameters: dict[str, Any] | None = None
    result: Result | None = None
    # Why it failed, if it did.
    error_class: str | None = None
    # The `agent_id` of the subagent that the call started.
    started_agent: str | None = None
    decision: Decision | None = None
    decision_source: DecisionSource | None = None
    decision_told_by: DecisionTeller | None = None
    # Telemetry alone says when it was decided, and how long a person was asked.
    decided_at: Time | None = None
    decision_wait_ms: Count | None = None
    is_sandboxed: bool | None = None
    # Its outcome.
    outcome: CallOutcome | None = None


class FileChange(RowRecord, kw_only=True):
    """A file was created, modified or deleted by a successful tool call. The path is absolute if the file says enough."""

    id: UUID
    session_id: SessionId
    file_path: str
    action: Literal["created", "modified", "deleted"]
    lines_added: Count
    lines_removed: Count
    timestamp: Time
    source: str | None
    agent_id: str | None = None
    # Derived from the request, since the file does not have the outcome: lines of an edit without a patch, a file that `rm` names.
    is_estimated: bool = False
    # The call that made it.
    tool_call_id: UUID | None = None
    # A unified diff without its head. A long one is its beginning; so many lines are left out at its end.
    patch: str | None = None
    patch_left_out: Count = 0


class TimelineEntry(RowRecord, kw_only=True):
    """An act in a session besides messages, tool calls and file changes, or Claude's thinking. It counts for nothing."""

    id: UUID
    session_id: SessionId
    kind: EntryKind
    timestamp: Time
    # None: an export does not say it.
    source: str | None
    content: str = ""
    # More of it, by its kind; as a compaction's trigger and the tokens before it.
    details: dict[str, Any] | None = None
    agent_id: str | None = None


class StoredPrice(Struct):
    """The price of a call when it was stored, in 10^-9 USD: as derived_values/pricing.py says. None: not known."""

    cost: int | None
    uncached: int | None
    cache_saved: int | None
    cache_write: int | None
    version: str | None


class ApiCall(RowRecord, kw_only=True):
    """Tokens of one API call. The version with most output tokens is kept: others were written while the response was still streaming."""

    id: UUID
    session_id: SessionId
    timestamp: Time
    source: str | None
    model: str | None
    agent_id: str | None = None
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_write_5m_tokens: Count = 0
    cache_write_1h_tokens: Count = 0
    cache_read_tokens: Count = 0
    web_searches: Count = 0
    effort: Effort | None = None
    # How long its thinking took, as Claude Code measured it.
    thinking_ms: Count | None = None
    # Claude Code's fast mode has its own price.
    is_fast: bool = False
    # Where it was computed, if it may not be anywhere: `us` has a price of its own.
    inference_geo: str | None = None
    # An advisor that Claude asked within another call.
    is_advisor: bool = False
    # Values of an export, which says what the other tracker showed. Without one, today's list prices it.
    price: StoredPrice | None = None


class SessionBoundary(Struct, kw_only=True):
    """A start or end of a session that a client sent to another tracker, whose export has it."""

    id: UUID
    session_id: SessionId
    kind: Literal["start", "end"]
    timestamp: Time
    source: str | None = None
    project_path: str | None = None
    user: str | None = None
    model: str | None = None
    git_branch: str | None = None
    client_version: str | None = None


class RecordError(Struct, kw_only=True):
    """A part of a file that could not be used. `line` counts from 1; `offset` is in bytes, at the place or shortly after it. Never quotes the file."""

    code: str
    message: str
    line: int | None = None
    offset: int | None = None


# Stands for a name, or a version, that is not kept as it is.
OTHER = "(other)"


class Unread(NamedTuple):
    """The name of something that Claude Code of this version writes and that nothing reads. `kind`: known_formats.Kind."""

    version: str
    kind: str
    name: str


class FileSummary(Struct, kw_only=True):
    """Comes at the end of a file: how many records of each type it has, unused types included. A record without a type counts as "(none)"."""

    records: dict[str, int]
    # Records of unknown types; and fields, attachments and the like that nothing reads.
    unknown_records: dict[str, int] = {}
    # The same by version.
    unread: dict[Unread, int] = {}
    # Number of records of known types that are not kept, by reason.
    skipped_records: dict[str, int] = {}


Record = ProjectSeen | RepositorySeen | SessionFacts | SessionBoundary | Message | ToolUse | FileChange | ApiCall | TimelineEntry
# The code of the RecordError after which the rest of a file cannot be read.
DAMAGED = "DAMAGED"
