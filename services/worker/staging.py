"""Step 6 of an event's path, first half: events become rows of temporary tables, by COPY.

A temporary table lives as long as its connection and is emptied at the end of each transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection

from shared.messages import (
    Activity,
    AnyEvent,
    Conversation,
    HistoryPrompt,
    ProjectSeen,
    SessionEnd,
    SessionSnapshot,
    SessionStart,
    ToolCall,
)
from shared.project_paths import name_of
from shared.search_terms import document_vector

Row = tuple[Any, ...]

TABLES = {
    "staged_projects": "path text, name text",
    "staged_users": "name text",
    "staged_session_events": "id uuid, session_id text, kind text, occurred_at timestamptz, project_path text, user_name text, model text,"
    " git_branch text, client_version text, source text, received_at timestamptz",
    "staged_messages": "id uuid, session_id text, project_path text, user_name text, role text, content text, occurred_at timestamptz, model text,"
    " input_tokens bigint, output_tokens bigint, cache_creation_tokens bigint, cache_read_tokens bigint, source text, received_at timestamptz,"
    " terms tsvector",
    "staged_tool_calls": "id uuid, session_id text, user_name text, tool_name text, status text, duration_ms bigint, occurred_at timestamptz,"
    " parameters json, source text, received_at timestamptz",
    "staged_activities": "id uuid, session_id text, file_key uuid, file_path text, action text, lines_added bigint, lines_removed bigint,"
    " occurred_at timestamptz, source text, received_at timestamptz",
    "staged_snapshots": "session_id text, project_path text, user_name text, ended_at timestamptz, model text, client_version text, snapshot jsonb",
}

# Not copied into: rekey.py keeps here which days of whom it has to make again.
SCRATCH = {"moving_days": "project_id bigint, user_id bigint, day date"}

_UNDATED = "-infinity"
_SNAPSHOT_NUMBERS = (
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
_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Received:
    """An event as the journal or an importer hands it over."""

    event: AnyEvent
    received_at: datetime
    request_id: str
    journal_entry_id: str


@dataclass(slots=True)
class Staged:
    """Rows by table, the ids of the sessions they speak of, and how many projects an import met."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})
    session_ids: set[str] = field(default_factory=set)
    projects_seen: int = 0

    def add(self, table: str, row: Row, session_id: str | None) -> None:
        self.rows[table].append(row)
        if session_id is not None:
            self.session_ids.add(session_id)


def stage(batch: Iterable[Received]) -> Staged:
    """The rows of a batch. Raises ValueError on an event that cannot be a row; the caller isolates it."""
    staged = Staged()
    projects: set[str] = set()
    users: set[str] = set()
    for received in batch:
        event = received.event
        _stage_event(staged, event, received.received_at)
        projects.add(getattr(event, "project_path", None) or "")
        users.add(getattr(event, "user", None) or "")
    staged.rows["staged_projects"] = [(path, name_of(path)) for path in sorted(projects - {""})]
    staged.rows["staged_users"] = [(name,) for name in sorted(users - {""})]
    return staged


def _stage_event(staged: Staged, event: AnyEvent, received_at: datetime) -> None:
    match event:
        case ToolCall():
            parameters = None if event.parameters is msgspec.UNSET else _json.encode(event.parameters).decode()
            row: Row = (event.id, event.session_id, event.user, event.tool_name, event.result_status, event.execution_time_ms)
            staged.add("staged_tool_calls", (*row, event.timestamp, parameters, event.source, received_at), event.session_id)
        case Conversation():
            tokens = (0, 0, 0, 0) if event.usage is None else msgspec.structs.astuple(event.usage)
            row = (event.id, event.session_id, None, None, event.role, event.content, event.timestamp, event.model, *tokens)
            staged.add("staged_messages", (*row, event.source, received_at, document_vector(event.content)), event.session_id)
        case Activity():
            row = (
                event.id,
                event.session_id,
                file_key(event.file_path),
                event.file_path,
                event.action,
                event.lines_added,
                event.lines_removed,
            )
            staged.add("staged_activities", (*row, event.timestamp, event.source, received_at), event.session_id)
        case SessionStart():
            row = (event.id, event.session_id, "start", event.start_time, event.project_path, event.user, event.model, event.git_branch)
            staged.add("staged_session_events", (*row, event.client_version, event.source, received_at), event.session_id)
        case SessionEnd():
            row = (event.id, event.session_id, "end", event.end_time, None, None, None, None, None, event.source, received_at)
            staged.add("staged_session_events", row, event.session_id)
        case SessionSnapshot():
            numbers = {name: value for name in _SNAPSHOT_NUMBERS if (value := getattr(event, name)) is not None}
            row = (event.session_id, event.project_path, event.user, event.end_time, event.model, event.client_version)
            staged.add("staged_snapshots", (*row, _json.encode(numbers).decode()), event.session_id)
        case HistoryPrompt():
            row = (event.id, None, event.project_path, event.user, "user", event.content, _UNDATED, None, 0, 0, 0, 0, "claude.json")
            staged.add("staged_messages", (*row, received_at, document_vector(event.content)), None)
        case ProjectSeen():
            staged.projects_seen += 1


def file_key(file_path: str) -> UUID:
    """The key of a path in `files`: its md5, since a path may be longer than an index entry."""
    return UUID(bytes=md5(file_path.encode("utf-8", "replace"), usedforsecurity=False).digest())


def prepare_connection(connection: Connection[Any]) -> None:
    """Makes the temporary tables of a new connection, and has its large statement planned once instead of for every batch."""
    connection.execute("SET plan_cache_mode = force_generic_plan")
    for table, columns in (TABLES | SCRATCH).items():
        connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} ({columns}) ON COMMIT DELETE ROWS")


def copy_in(connection: Connection[Any], staged: Staged) -> None:
    """COPYs the staged rows. Raises psycopg's DataError where Postgres refuses a value."""
    for table, rows in staged.rows.items():
        if rows:
            _copy(connection, table, rows)


def _copy(connection: Connection[Any], table: str, rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def clear(connection: Connection[Any]) -> None:
    """Empties the temporary tables inside a transaction, for the next part of a batch."""
    connection.execute(f"TRUNCATE {', '.join(TABLES | SCRATCH)}")
