"""Step 6 of an event's path, first half: events and records are copied into temporary tables (COPY).

A temporary table lives as long as its connection and is emptied at the end of each transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.records import HOOK, KeptResults, ProjectSeen, Record, RepositorySeen, RowRecord, SessionFacts
from services.worker.persist.staging.event_kind_rows import records_of
from services.worker.persist.staging.stage_records import STAGED, Row
from shared.events.messages import Binding, Event
from shared.events.project_paths import name_of

# Rows that others refer to, and copies. The tables of rows themselves have columns of those that they are for.
_REFERRED_TO: Final = {
    "staged_projects": "path text, name text, is_named boolean",
    "staged_places": "path text, remote text",
    "staged_users": "name text",
    "staged_copies": "id uuid, session_id text, copied_at timestamptz",
}
TABLES: Final = (*_REFERRED_TO, *(f"staged_{table.name}" for table in STAGED.values()))

# Not copied into. A reparse notes the rows that it renews (services/worker/persist/insert_rows.py).
SCRATCH: Final = {"renewed_ids": "id uuid"}


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event from the journal, or a record from an importer."""

    event: Event | Record
    received_at: datetime
    request_id: str
    journal_entry_id: str
    is_session_inferred: bool = False
    # The API key that brought it; None: not bound.
    bound: Binding | None = None
    # Whose work an import or a captured file says it is, where the record itself does not.
    user: str | None = None


@dataclass(slots=True)
class Staged:
    """Rows by staging table, the ids of their sessions, where the records are from, and how many projects an import named.

    `sessionless`: the staging tables that have rows without a session.
    """

    rows: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})
    session_ids: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    sessionless: set[str] = field(default_factory=set)
    projects_seen: int = 0


def stage(batch: Sequence[ReceivedEvent], kept_results: KeptResults = ALL) -> Staged:
    """The rows of a batch. ValueError if an event cannot be a row; the caller isolates it."""
    staged = Staged()
    projects: dict[str, bool] = {}
    users: set[str] = set()
    for received in batch:
        event = received.event
        _stage(staged, event, received.received_at, kept_results)
        path = getattr(event, "project_path", None)
        if path:
            projects[path] = projects.get(path, False) or not _is_working_folder(event)
        users.add(getattr(event, "user", None) or "")
    staged.rows["staged_projects"] = [(path, name_of(path), projects[path]) for path in sorted(projects)]
    staged.rows["staged_users"] = [(name,) for name in sorted(users - {""})]
    staged.rows["staged_copies"] = _copies(received.event for received in batch)
    return staged


def _copies(events: Iterable[Event | Record]) -> list[Row]:
    """(id, session, when it was copied) of what is staged as copies alone."""
    records = [event for event in events if isinstance(event, RowRecord)]
    copies: dict[tuple[UUID, str | None], datetime] = {}
    for record in records:
        if record.copied_at is not None:
            key = record.id, record.session_id
            copies[key] = min(record.copied_at, copies.get(key, record.copied_at))
    if copies:
        for record in records:
            if record.copied_at is None:
                copies.pop((record.id, record.session_id), None)
    return [(*key, copied_at) for key, copied_at in copies.items()]


def _is_working_folder(event: Event | Record) -> bool:
    """Whether the project it names is only where a record was written or a hook ran: the session may belong to another."""
    return isinstance(event, SessionFacts) and event.source in ("transcript", HOOK)


def _stage(staged: Staged, event: Event | Record, received_at: datetime, kept_results: KeptResults) -> None:
    if isinstance(event, ProjectSeen):
        staged.projects_seen += 1
        return
    if isinstance(event, RepositorySeen):
        # It counts for nothing.
        staged.rows["staged_places"].append((event.path, event.remote))
        return
    for record in records_of(event, kept_results) if isinstance(event, Event) else (event,):
        table = STAGED.get(type(record))
        assert table is not None, "its kind is not known here"
        name = f"staged_{table.name}"
        staged.rows[name].append(table.row(record, received_at))
        if event.session_id is None:
            staged.sessionless.add(name)
    if event.session_id is not None:
        staged.session_ids.add(event.session_id)
    if event.source is not None:
        staged.sources.add(event.source)


def prepare_connection(connection: Connection[Any]) -> None:
    """Makes the temporary tables of a new connection, and has its large statement planned once instead of for every batch."""
    connection.execute("SET plan_cache_mode = force_generic_plan")
    made = {name: f"({columns}) ON COMMIT DELETE ROWS" for name, columns in (_REFERRED_TO | SCRATCH).items()}
    for table in STAGED.values():
        made[f"staged_{table.name}"] = f"ON COMMIT DELETE ROWS AS SELECT {table.selected} FROM {table.name} WITH NO DATA"
    for name, definition in made.items():
        connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} {definition}".encode())


def copy_in(connection: Connection[Any], staged: Staged) -> None:
    """COPYs the staged rows. Raises psycopg's DataError where Postgres refuses a value."""
    for table, rows in staged.rows.items():
        if rows:
            _copy(connection, table, rows)


def copy_again(connection: Connection[Any], staged: Staged, table: str, again: Staged) -> None:
    """The rows of a table as they are now, since what they were made with has changed."""
    staged.rows[table] = again.rows[table]
    connection.execute(f"DELETE FROM {table}".encode())
    _copy(connection, table, staged.rows[table])


def _copy(connection: Connection[Any], table: str, rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def clear(connection: Connection[Any]) -> None:
    """Empties the temporary tables inside a transaction, for the next part of a batch. Not TRUNCATE, which makes new files: 50 ms."""
    connection.execute("; ".join(f"DELETE FROM {table}" for table in (*TABLES, *SCRATCH)))
