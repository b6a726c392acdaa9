"""Drops the texts of sessions whose last event is longer ago than texts are kept: of rows, titles made of texts, and the archive. Numbers stay.

First a session is marked, in `dropped_texts`: from then on its old rows come in without texts from any source. Then its texts go, some in each
transaction. A worker that dies leaves the mark unfinished, and the next one goes on with it. The words that only a person wrote stay: notes, tags, own titles.
"""

from typing import Any, Final

from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.archive.archive_locks import lock_file
from services.worker.maintenance.retention.old_sessions import LAST_SEEN, is_old
from services.worker.maintenance.retention.retention_stage import ROWS_AT_ONCE, SESSIONS_AT_ONCE, Count, Dropped, Step
from services.worker.persist.dropped_texts import ROW_TEXTS, TITLE_IS_OLD
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.row_tables import ROW_TABLES
from services.worker.sessions.session_titles import update_titles
from services.worker.sql_text import sql, union_all
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "drop_texts.sql")

_UNFINISHED: Final = "SELECT session_id FROM dropped_texts WHERE NOT is_done ORDER BY session_id LIMIT %(limit)s"
_FORGET_CONTENTS: Final = (
    "DELETE FROM transcript_segments WHERE file_id = ANY(%(ids)s)",
    _SQL.forget_ranges,
    "DELETE FROM damaged_segments WHERE file_id = ANY(%(ids)s)",
    "UPDATE transcript_files SET dropped_to = stored_offset WHERE id = ANY(%(ids)s)",
)
_DELETE_IMPORTED: Final = "DELETE FROM transcript_files WHERE id = ANY(%(ids)s)"
_FINISH: Final = "UPDATE dropped_texts SET is_done = true, dropped_at = clock_timestamp() WHERE session_id = ANY(%(session_ids)s)"

# These tables have rows without a session, which name their users.
_WITHOUT_SESSIONS: Final = tuple(name for name in ROW_TEXTS if ROW_TABLES[name].has_user_name)
# A dry run changes nothing and locks nothing, so it counts more at once.
_COUNTED_AT_ONCE: Final = 200
_ALL_ROWS: Final = 2**62


def due_sessions() -> str:
    """Selects sessions behind %(after)s that are older than their texts are kept and that still have some; not those that go as a whole."""
    return sql(_SQL.due, is_old=is_old("texts"), goes_whole=is_old("sessions"), last_seen=LAST_SEEN)


def next_rows() -> str:
    """Selects rows of the sessions that still have texts, with their sizes."""
    return sql(
        _SQL.rows,
        rows=union_all(sql(_SQL.of_table, table=table, has_texts=texts.has_texts, size=_size(table)) for table, texts in ROW_TEXTS.items()),
    )


def empty_rows(table: str) -> str:
    """Takes the texts out of rows of one table."""
    return sql(_SQL.empty, table=table, assignments=ROW_TEXTS[table].assignments)


def count_rows() -> str:
    """How many rows of each session have texts, and their bytes."""
    of_tables = (sql(_SQL.count_table, table=table, has_texts=texts.has_texts, size=_size(table)) for table, texts in ROW_TEXTS.items())
    return sql(_SQL.count, rows=union_all(of_tables))


def _size(table: str) -> str:
    return " + ".join(f"coalesce(pg_column_size({name}), 0)" for name in ROW_TEXTS[table].emptied)


def rows_without_session() -> str:
    """Selects rows without a session that have texts and are older than these are kept, with their sizes."""
    of_tables = (
        sql(_SQL.of_table_without_session, table=table, has_texts=ROW_TEXTS[table].has_texts, size=_size(table))
        for table in _WITHOUT_SESSIONS
    )
    return sql(_SQL.without_session, rows=union_all(of_tables))


def drop_texts_without_session(step: Step) -> Dropped:
    """The next rows without a session: prompts of a history, and calls that no session was open for."""
    parameters = step.parameters | {"limit": _ALL_ROWS if step.is_dry_run else ROWS_AT_ONCE}
    rows = step.connection.execute(rows_without_session().encode(), parameters).fetchall()
    if rows and not step.is_dry_run:
        for table in _WITHOUT_SESSIONS:
            step.connection.execute(empty_rows(table).encode(), {"row_ids": [row_id for of, row_id, *_ in rows if of == table]})
    counts = [Count("texts", project_id, 0, 1, size) for _, _, project_id, size in rows]
    return Dropped(None if step.is_dry_run or len(rows) < ROWS_AT_ONCE else "", counts)


def drop_texts(step: Step) -> Dropped:
    """The next step: what is marked is finished first, then further sessions are marked."""
    if step.is_dry_run:
        return _count(step)
    with step.connection.cursor() as cursor:
        unfinished = [row[0] for row in cursor.execute(_UNFINISHED, {"limit": SESSIONS_AT_ONCE}).fetchall()]
    if unfinished:
        return Dropped(step.after or "", _drop_some(step, unfinished))
    return _mark_next(step)


def _count(step: Step) -> Dropped:
    with step.connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(due_sessions().encode(), step.parameters | {"limit": _COUNTED_AT_ONCE}).fetchall()
        session_ids = [row["session_id"] for row in due]
        counts = [_of_session(row) for row in due]
        counts += (Count("texts", *row.values()) for row in cursor.execute(count_rows().encode(), {"session_ids": session_ids}))
    return Dropped(session_ids[-1] if session_ids else None, counts)


def _of_session(row: dict[str, Any]) -> Count:
    """A session itself, and what the archive has of it."""
    return Count("texts", row["project_id"], 1, 0, row["archived_bytes"])


def _mark_next(step: Step) -> Dropped:
    parameters = step.parameters | {"limit": SESSIONS_AT_ONCE}
    with step.connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(due_sessions().encode(), parameters).fetchall()
        if not due:
            return Dropped(None)
        parameters["session_ids"] = [row["session_id"] for row in due]
        cursor.execute(LOCK_SESSIONS, parameters)
        # Somebody may have gone on with one of them.
        old = cursor.execute(sql(_SQL.still_old, is_old=is_old("texts")).encode(), parameters).fetchall()
        before = {row["session_id"]: row["before"] for row in old}
        cursor.execute(_SQL.mark, {"session_ids": list(before), "befores": list(before.values())})
    return Dropped(parameters["session_ids"][-1], [_of_session(row) for row in due if row["session_id"] in before])


def _drop_some(step: Step, session_ids: list[str]) -> list[Count]:
    """Takes the texts out of some rows of marked sessions; when none has any, what else is made of texts, and the sessions are done."""
    connection, parameters = step.connection, {"session_ids": session_ids, "limit": ROWS_AT_ONCE}
    rows = connection.execute(next_rows().encode(), parameters).fetchall()
    if not rows:
        # Imports write the archive's rows in their order.
        lock_order.lock_import_order(connection)
    connection.execute(LOCK_SESSIONS, parameters)
    for table in sorted({table for table, *_ in rows}):
        connection.execute(empty_rows(table).encode(), {"row_ids": [row_id for of, row_id, *_ in rows if of == table]})
    if not rows:
        connection.execute(sql(_SQL.empty_facts, is_old=TITLE_IS_OLD).encode(), parameters)
        connection.execute(_SQL.delete_hooks, parameters)
        update_titles(connection, session_ids)
        _forget_contents(step, parameters)
        connection.execute(_FINISH, parameters)
    return [Count("texts", project_id, 0, 1, size) for _, _, project_id, size in rows]


def _forget_contents(step: Step, parameters: dict[str, Any]) -> None:
    """The archive's contents of the sessions. The row of a live file stays, so that its machine goes on behind what it has sent."""
    connection = step.connection
    files = connection.execute(_SQL.files, parameters).fetchall()
    live = [file_id for file_id, is_live in files if is_live]
    for file_id in live:
        lock_file(connection, file_id)
    if live:
        for command in _FORGET_CONTENTS:
            connection.execute(command, {"ids": live})
    connection.execute(_DELETE_IMPORTED, {"ids": [file_id for file_id, is_live in files if not is_live]})
