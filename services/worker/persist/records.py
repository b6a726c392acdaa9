"""What an importer reads out of a file: pure data, made by services.worker.importers, stored by services.worker.persist.persist_batch. Never on the wire.

Every id is a UUIDv5 of the natural key that Claude Code itself gives the thing (services/worker/importers/formats/ids.py), so that the same act read from
another file, or seen by a hook, is the same row. Where two readings of one thing differ, persist keeps the better one, whatever the order.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from shared.messages import ToolStatus

# How a tool call's duration is known: said by Claude Code, or only the time between the call and its result, waiting for permission included.
DurationSource = Literal["reported", "timestamps"]

# Which of several titles of a session is shown: the person's own, Claude's, a summary, the first prompt.
TITLE_OF_PERSON, TITLE_OF_CLAUDE, TITLE_OF_SUMMARY, TITLE_OF_PROMPT = 4, 3, 2, 1


# Of SessionFacts, those that are never added up: of each the greatest counts.
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
    """A file names a project, perhaps without anything that happened in it."""

    id: UUID
    project_path: str


class SessionFacts(Struct, kw_only=True):
    """What one file says of a session as a whole. The id is of the session and of all that is said, so another version of the file adds its own facts.

    Of several facts: the earliest start and its project, branch and version; the latest end, and of those that name a model the latest's;
    the union of active time; of each number the greatest; of titles the highest rank, and of those the one with the latest end.
    Numbers are of the whole session, so they are never added up. A transcript gives facts twice: where the session begins, so that it is
    there before its messages, with project, start, branch and version alone; and at its end, with all.
    """

    id: UUID
    session_id: str
    source: str
    project_path: str | None = None
    user: str | None = None
    # When the session's first and last record was written, as far as the file tells. Of a transcript's records `progress` does not count.
    started_at: datetime | None = None
    ended_at: datetime | None = None
    # Union of [t, t + idle gap) over the session's records in the file.
    active_ranges: list[tuple[datetime, datetime]] = []
    title: str | None = None
    title_rank: int = 0
    # The session that this one was forked from or goes on with, where the file says so.
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


class Message(Struct, kw_only=True):
    """One message of a person or of Claude. Claude's is all text blocks of one `message.id`, in order; it is empty if Claude only used tools.

    Without a session it belongs to `project_path` alone, without a timestamp to no day: prompts of claude.json's and of history.jsonl.
    A prompt of history.jsonl that names its session is in that session's transcript too, under another id.
    Of two readings the longer content wins. A fork has its messages in common with its origin: the same ids, another session.
    """

    id: UUID
    role: Literal["user", "assistant"]
    content: str
    source: str
    session_id: str | None = None
    project_path: str | None = None
    user: str | None = None
    # The subagent that wrote it; the session is its parent's. "sidechain" where the file does not name it.
    agent_id: str | None = None
    timestamp: datetime | None = None
    model: str | None = None


class ToolUse(Struct, kw_only=True):
    """One tool call with its result. `pending` if the file has no result of it; a reading that has one wins."""

    id: UUID
    session_id: str
    tool_name: str
    status: ToolStatus
    timestamp: datetime
    source: str
    agent_id: str | None = None
    duration_ms: int | None = None
    duration_source: DurationSource | None = None
    # Long texts in it are cut, so that a row stays small.
    parameters: dict[str, Any] | None = None


class FileChange(Struct, kw_only=True):
    """A file was created, modified or deleted by a successful tool call. The path is absolute where the file says enough."""

    id: UUID
    session_id: str
    file_path: str
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    timestamp: datetime
    source: str
    agent_id: str | None = None
    # Taken from what was asked for, since the file does not say what came of it: lines of an edit without a patch, a file that `rm` names.
    is_estimated: bool = False


class ApiCall(Struct, kw_only=True):
    """Tokens of one API call. Of several readings that with most output tokens wins, since earlier ones are taken while the answer still streams."""

    id: UUID
    session_id: str
    timestamp: datetime
    source: str
    model: str | None
    agent_id: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_read_tokens: int = 0
    web_searches: int = 0
    # Claude Code's fast mode, which has a price of its own.
    is_fast: bool = False


class RecordError(Struct, kw_only=True):
    """A part of a file that could not be used. `line` counts from 1; `offset` is in bytes, at or a little after the place. Quotes nothing of the file."""

    code: str
    message: str
    line: int | None = None
    offset: int | None = None


class FileSummary(Struct, kw_only=True):
    """The end of a file: how many records of which type it held, those included that we do not use. `None`-typed ones count as "(none)"."""

    records: dict[str, int]
    unknown_records: dict[str, int] = {}
    # By reason: records that are known, and of which nothing is kept.
    skipped_records: dict[str, int] = {}


Record = ProjectSeen | SessionFacts | Message | ToolUse | FileChange | ApiCall
# The code of the error that says where a file can no longer be read.
DAMAGED = "DAMAGED"
