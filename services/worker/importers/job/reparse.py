"""A reparse: the rows of archived transcripts are derived anew by today's reader. The archive itself does not change.

One transaction takes one session, with the sessions that share rows with it. It deletes what the archive gave, stores what the archive gives
now, and compares. If nothing differs, all of it is rolled back: a second reparse changes nothing.

A row is deleted only where the archive is its whole source: every import that brought it has a file of these sessions in the archive. What hooks
alone know stays: their rows that no transcript has, and the durations that they reported.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.importers.formats.plausible_records import Found, plausible
from services.worker.importers.formats.transcript.transcript_reader import Transcript
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.persist_batch import LOCK_SESSIONS, date_projects
from services.worker.persist.records import FileSummary, Record, RecordError, SessionFacts, ToolUse
from services.worker.persist.staging import ReceivedEvent, clear
from services.worker.resources import Resources
from services.worker.row_tables import ROW_TABLES, RowTable, for_each
from services.worker.search_index.forget_documents import forget_changed_here
from services.worker.sessions import reattribution, session_rebuild
from services.worker.sql_text import listed, sql
from shared.archive.stored_pieces import ContentMissing, pieces_of
from shared.messages import binding
from shared.redaction.redacted_lines import redact_lines
from shared.redaction.redacted_structs import redact_structs
from shared.upload_kinds import READER_VERSION

# As many records as a chunk of an import has.
RECORDS_AT_ONCE = 2_000

# The sessions that are left to do.
_CHOOSE = """
    INSERT INTO import_sessions (job_number, session_id)
    SELECT DISTINCT j.number, f.session_id
    FROM import_jobs AS j, transcript_files AS f LEFT JOIN sessions AS s USING (session_id)
    WHERE j.number = %(job_number)s AND coalesce(f.session_id = j.selection->>'session_id', true)
      AND coalesce(s.project_id = (j.selection->>'project_id')::bigint, j.selection->>'project_id' IS NULL)
    ON CONFLICT DO NOTHING"""
_SET_TOTAL = "UPDATE import_jobs SET bytes_total = %(bytes)s WHERE number = %(job_number)s"
_BYTES_LEFT = """
    SELECT coalesce(sum(f.stored_offset), 0)::bigint FROM import_sessions AS i JOIN transcript_files AS f USING (session_id)
    WHERE i.job_number = %(job_number)s"""
_BYTES_TOTAL = "SELECT bytes_total FROM import_jobs WHERE number = %(job_number)s"
_NEXT = "SELECT session_id FROM import_sessions WHERE job_number = %(job_number)s ORDER BY session_id LIMIT 1"
_DONE = "DELETE FROM import_sessions WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)"
_ADD_CHANGES = "UPDATE import_jobs SET changes = sum_of_each(changes, %(changes)s) WHERE number = %(job_number)s"

# Forks share rows, and which session owns a row depends on all of them.
_SHARING = """
    SELECT DISTINCT o.session_id FROM contested_rows AS c JOIN contested_rows AS o USING (row_id) WHERE c.session_id = ANY(%(session_ids)s)"""

_FILES = """
    SELECT f.id, f.user_name AS user, f.changed_at, j.number AS job_number, j.id AS job_id,
           CASE WHEN f.brought_by IS NULL THEN f.bound_user ELSE (SELECT k.user_name FROM api_keys AS k WHERE k.id = j.key_id) END AS bound_user,
           (SELECT k.project_ids FROM api_keys AS k WHERE k.id = j.key_id) AS bound_projects
    FROM transcript_files AS f
    JOIN import_jobs AS j ON CASE WHEN f.brought_by IS NULL THEN j.kind = 'capture' ELSE j.number = f.brought_by[1] END
    WHERE f.session_id = ANY(%(session_ids)s) ORDER BY f.session_id, f.file_name, f.id"""
_JOB_NUMBERS = """
    SELECT DISTINCT unnest(coalesce(f.brought_by, (SELECT ARRAY[number] FROM import_jobs WHERE kind = 'capture')))
    FROM transcript_files AS f WHERE f.session_id = ANY(%(session_ids)s)"""

# What a reparse may change of a row, of a session.
_CONTENTS = "SELECT id, md5(ROW($columns)::text)::uuid FROM $table WHERE session_id = ANY(%(session_ids)s)"
_SESSIONS = """
    SELECT session_id, md5(ROW(project_id, user_id, model, git_branch, client_version, title, parent_session_id, started_at, ended_at,
                               first_event_at, last_event_at, active_ranges, snapshot)::text)::uuid
    FROM sessions WHERE session_id = ANY(%(session_ids)s)"""

_OF_ARCHIVE = "brought_by <@ %(job_numbers)s::integer[] AND session_id = ANY(%(session_ids)s)"
_ROWS_TO_DELETE = """
    SELECT id, source, brought_by::text FROM $table WHERE $is_of_archive AND (source = 'transcript' OR id = ANY(%(ids)s))"""
_DELETE_ROWS = "DELETE FROM $table WHERE id = ANY(%(row_ids)s)"
_DELETE_FACTS = f"DELETE FROM session_facts WHERE {_OF_ARCHIVE} AND source = 'transcript' RETURNING id, source, brought_by::text"
_DELETE_FILES = """
    DELETE FROM files AS f WHERE file_key = ANY(%(file_keys)s) AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)"""
_FILE_KEYS = "SELECT DISTINCT file_key FROM activities WHERE session_id = ANY(%(session_ids)s)"
_REPORTED = """
    SELECT id, duration_ms FROM tool_calls
    WHERE session_id = ANY(%(session_ids)s) AND duration_source = 'reported' AND duration_ms IS NOT NULL"""
_RESTORE_ORIGIN = """
    UPDATE $table AS t SET source = o.source, brought_by = o.brought_by::integer[]
    FROM unnest(%(row_ids)s::uuid[], %(sources)s::text[], %(brought_by)s::text[]) AS o (id, source, brought_by)
    WHERE t.id = o.id AND (t.source, t.brought_by) IS DISTINCT FROM (o.source, o.brought_by::integer[])"""
_SET_FACTS = "UPDATE transcript_files SET facts_ids = %(facts_ids)s WHERE id = %(id)s"
_READ_BY = """
    UPDATE transcript_files SET parser_version = %(version)s WHERE session_id = ANY(%(session_ids)s) AND parser_version <> %(version)s"""

Origin = tuple[UUID, str | None, str | None]


class _File(NamedTuple):
    """An archived file, and the import that its rows count as brought by."""

    id: int
    user: str | None
    changed_at: datetime
    job_number: int
    job_id: UUID
    # What the key was bound to that brought it.
    bound_user: str | None
    bound_projects: list[int] | None


class Step(NamedTuple):
    """How far a reparse is, in bytes of transcripts."""

    bytes_done: int
    rows: int
    errors: list[dict[str, Any]]
    is_more: bool


class _Unchanged(Exception):
    """Today's reader gives what is stored."""


def choose_sessions(connection: Connection[Any], job_number: int) -> None:
    """Notes the sessions of the job's selection as left to do. Harmless when repeated, as by a job that is tried again."""
    connection.execute(_CHOOSE, {"job_number": job_number})
    [(left,)] = connection.execute(_BYTES_LEFT, {"job_number": job_number}).fetchall()
    connection.execute(_SET_TOTAL, {"job_number": job_number, "bytes": left})


def reparse_some(worker: Resources, connection: Connection[Any], job_number: int) -> Step:
    """Reparses the next session, in the caller's transaction."""
    lock_order.lock_import_order(connection)
    lock_order.lock_documents(connection)
    lock_order.lock_writing_exclusive(connection)
    with connection.cursor(row_factory=scalar_row) as cursor:
        following = cursor.execute(_NEXT, {"job_number": job_number}).fetchone()
        rows, errors = 0, list[dict[str, Any]]()
        if following is not None:
            session_ids = _sharing(connection, {following})
            changes: dict[str, int] = {}
            try:
                rows, changes = _reparse_or_leave(worker, connection, session_ids)
            except ContentMissing as error:
                # Its rows stay as they are.
                errors = [
                    {
                        "file": following,
                        "code": "CONTENT_MISSING",
                        "message": f"{error} Restore the archive's folder, then reparse the session.",
                    }
                ]
            forget_changed_here(connection)
            connection.execute(_DONE, {"job_number": job_number, "session_ids": sorted(session_ids)})
            connection.execute(_ADD_CHANGES, {"job_number": job_number, "changes": Jsonb(changes)})
        [left] = cursor.execute(_BYTES_LEFT, {"job_number": job_number}).fetchall()
        [total] = cursor.execute(_BYTES_TOTAL, {"job_number": job_number}).fetchall()
    return Step(max(total - left, 0), rows, errors, following is not None)


def _reparse_or_leave(worker: Resources, connection: Connection[Any], session_ids: set[str]) -> tuple[int, dict[str, int]]:
    """Reparses sessions, and takes it back if nothing differs. Gives the number of records read, and what changed."""
    rows = 0
    try:
        # A savepoint.
        with connection.transaction():
            rows, changes = _reparse(worker, connection, session_ids)
            if not changes:
                raise _Unchanged
    except _Unchanged:
        connection.execute(_READ_BY, {"version": READER_VERSION, "session_ids": sorted(session_ids)})
        return rows, {}
    return rows, changes


def _sharing(connection: Connection[Any], session_ids: set[str]) -> set[str]:
    """The sessions, and all that share rows with them."""
    while True:
        found = {row[0] for row in connection.execute(_SHARING, {"session_ids": sorted(session_ids)})}
        if found <= session_ids:
            return session_ids
        session_ids = session_ids | found


def _reparse(worker: Resources, connection: Connection[Any], session_ids: set[str]) -> tuple[int, dict[str, int]]:
    """Deletes and stores again. Gives the number of records, and the numbers of rows that differ: {"messages_changed": 3}."""
    parameters: dict[str, Any] = {"session_ids": sorted(session_ids), "idle_gap": worker.idle_gap}
    connection.execute(LOCK_SESSIONS, parameters)
    with connection.cursor(row_factory=class_row(_File)) as cursor:
        files = cursor.execute(_FILES, parameters).fetchall()
    with connection.cursor(row_factory=scalar_row) as cursor:
        parameters["job_numbers"] = cursor.execute(_JOB_NUMBERS, parameters).fetchall()
    before = _contents(connection, parameters)
    reported = dict(connection.execute(_REPORTED, parameters).fetchall())
    parameters["ids"] = [record.id for file in files for record in _records(worker, connection, file)]
    origins = _delete(connection, parameters)
    for file in files:
        _store(worker, connection, file, reported)
    for table, rows in origins.items():
        if rows:
            columns = dict(zip(("row_ids", "sources", "brought_by"), map(list, zip(*rows, strict=True)), strict=True))
            connection.execute(sql(_RESTORE_ORIGIN, table=table).encode(), columns)
    connection.execute(_READ_BY, {"version": READER_VERSION, **parameters})
    return len(parameters["ids"]), _changes(before, _contents(connection, parameters))


def _records(worker: Resources, connection: Connection[Any], file: _File) -> Iterator[Record]:
    """What today's reader finds in a file."""
    for each in plausible(_found(worker, connection, file), file.changed_at):
        if not isinstance(each, (RecordError, FileSummary)):
            yield each


def _found(worker: Resources, connection: Connection[Any], file: _File) -> Iterator[Found]:
    transcript = Transcript(file.user, worker.idle_gap, worker.kept_results)
    lines = 0
    for piece in pieces_of(connection, file.id, worker.archive):
        # Rules that are newer than what is archived must find secrets before results are cut.
        content = redact_lines(piece.content, {}) if worker.settings.redact else piece.content
        yield from transcript.read_part(BytesIO(content), number=lines, offset=piece.start_offset)
        lines += piece.content.count(b"\n")
    yield from transcript.rest()


def _delete(connection: Connection[Any], parameters: dict[str, Any]) -> dict[str, list[Origin]]:
    """Deletes the rows and facts that the archive gave. Gives their origins, by table."""
    origins = {
        table: connection.execute(sql(_ROWS_TO_DELETE, table=table, is_of_archive=_OF_ARCHIVE).encode(), parameters).fetchall()
        for table in ROW_TABLES
    }
    parameters = parameters | {"row_ids": [row[0] for rows in origins.values() for row in rows], "whole_ids": []}
    with connection.cursor(row_factory=scalar_row) as cursor:
        file_keys = cursor.execute(_FILE_KEYS, parameters).fetchall()
    with reattribution.reattributed(connection, parameters) as projects:
        for statement in for_each(_DELETE_ROWS):
            connection.execute(statement, parameters)
        facts = connection.execute(_DELETE_FACTS, parameters).fetchall()
        connection.execute(_DELETE_FILES, {"file_keys": file_keys})
        session_rebuild.rebuild_sessions(connection, parameters)
    date_projects(connection, projects)
    return origins | {"session_facts": facts}


def _store(worker: Resources, connection: Connection[Any], file: _File, reported: dict[UUID, int]) -> None:
    """Stores what a file gives, as an import does."""
    facts_ids: set[UUID] = set()
    records = _records(worker, connection, file)
    while kept := list(islice(records, RECORDS_AT_ONCE)):
        for record in kept:
            if isinstance(record, ToolUse) and record.duration_source != "reported" and record.id in reported:
                elapsed_ms, record.duration_ms, record.duration_source = record.duration_ms, reported[record.id], "reported"
                record.wait_ms = None if elapsed_ms is None else max(elapsed_ms - record.duration_ms, 0)
        if worker.settings.redact:
            redact_structs(kept, {})
        bound = binding(file.bound_user, file.bound_projects)
        batch = [ReceivedEvent(record, file.changed_at, "", f"import:{file.job_id}", bound=bound) for record in kept]
        clear(connection)
        foreign = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=file.job_number).foreign
        foreign_ids = {received.event.id for received in foreign}
        facts_ids |= {record.id for record in kept if isinstance(record, SessionFacts) and record.id not in foreign_ids}
    connection.execute(_SET_FACTS, {"facts_ids": sorted(facts_ids), "id": file.id})


def _contents(connection: Connection[Any], parameters: dict[str, Any]) -> dict[str, dict[Any, UUID]]:
    """{table: {id: hash of the row}}."""
    contents = {
        table.name: dict(
            connection.execute(sql(_CONTENTS, table=table.name, columns=listed(_compared(table))).encode(), parameters).fetchall()
        )
        for table in ROW_TABLES.values()
    }
    return contents | {"sessions": dict(connection.execute(_SESSIONS, parameters).fetchall())}


def _compared(table: RowTable) -> tuple[str, ...]:
    # The terms are made of the content.
    return tuple(column for column in (*table.columns, *table.uncounted) if column != "terms")


def _changes(before: dict[str, dict[Any, UUID]], after: dict[str, dict[Any, UUID]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for table, rows in after.items():
        old = before[table]
        counts[f"{table}_added"] += len(rows.keys() - old.keys())
        counts[f"{table}_removed"] += len(old.keys() - rows.keys())
        counts[f"{table}_changed"] += sum(old[key] != content for key, content in rows.items() if key in old)
    return {name: count for name, count in counts.items() if count}
