"""The undo of an import. It deletes exactly the rows that nothing else brought.

Each transaction deletes a part, small enough that live events hardly wait for it. It updates only the sessions of those rows, and takes the finished
sessions off the list of what is left, so an undo that dies goes on from there. Projects and users keep their ids: their rows stay, and are not listed
while nothing is in them.
"""

from typing import Any, Final

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.archive.imported_files import forget_files
from services.worker.importers.job.brought_base import take_back_some
from services.worker.importers.job.exported.brought_tombstones import forget_tombstones
from services.worker.importers.job.exported.forget_besides import forget_besides
from services.worker.persist.persist_batch import INSERT_SESSIONS, LOCK_SESSIONS
from services.worker.resources import Resources
from services.worker.row_tables import composed, for_all, for_each
from services.worker.sessions import reattribution, session_rebuild
from services.worker.sessions.fork_ownership import owner, settle
from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "undo.sql")

# The rows that one transaction deletes. No other transaction can write meanwhile.
SESSIONS_AT_ONCE = 20
ROWS_AT_ONCE = 500

_LEFT = "SELECT session_id FROM import_sessions WHERE job_number = %(job_number)s ORDER BY session_id = '', session_id LIMIT %(limit)s"
_DONE = "DELETE FROM import_sessions WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)"

# The next rows that the import brought, and their sessions.
_ROWS = "SELECT id, session_id FROM $table WHERE session_id = ANY(%(session_ids)s) AND brought_by && %(bringers)s::integer[]"
_NEXT_SESSIONLESS = """
    SELECT id FROM messages WHERE session_id IS NULL AND brought_by && %(bringers)s::integer[]
    UNION ALL SELECT id FROM tool_calls WHERE session_id IS NULL AND brought_by && %(bringers)s::integer[] LIMIT %(rows_limit)s"""

# Rows that nothing else brought are deleted; the others only lose the import's number.
_DELETE_ROWS = "DELETE FROM $table WHERE id = ANY(%(row_ids)s) AND brought_by <@ %(bringers)s::integer[]"

# A row that is left goes to the remaining session with the best claim, as if the import had never been.
_WITHDRAW_CLAIMS = "DELETE FROM contested_rows WHERE job_number = %(job_number)s AND row_id = ANY(%(row_ids)s)"
_HEIRS: Final = sql(_SQL.heirs, owner=owner("r.row_id", "c.job_number <> %(job_number)s"))
_GIVE_BACK: Final = sql(_SQL.give_back, table="$table", owner=owner("t.id"))
_SETTLED_CLAIMS: Final = settle("row_id", "row_ids")

# When no row of the sessions is left: the facts that files gave of them as a whole, and claims to rows that were never stored.
_FACTS = (
    "DELETE FROM session_facts WHERE session_id = ANY(%(session_ids)s) AND brought_by = ARRAY[%(job_number)s]::integer[]",
    _SQL.keep_facts,
    "DELETE FROM session_events WHERE session_id = ANY(%(session_ids)s) AND brought_by = ARRAY[%(job_number)s]::integer[]",
    _SQL.keep_session_events,
)
_OTHER_CLAIMS = (
    "DELETE FROM contested_rows WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)",
    settle("session_id", "session_ids"),
)

_LEFTOVERS = (
    "SELECT FROM projects WHERE %(job_number)s = ANY(brought_by) ORDER BY id FOR UPDATE",
    "UPDATE projects SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE %(job_number)s = ANY(brought_by)",
    "DELETE FROM imported_files WHERE job_number = %(job_number)s",
    "UPDATE import_jobs SET undone_at = clock_timestamp() WHERE number = %(job_number)s",
)


@composed
def _next_rows() -> str:
    return sql(_SQL.next_rows, rows=for_all(_ROWS))


def forget_contents(connection: Connection[Any], job_number: int) -> None:
    """The first step: no reparse may read any more what is about to be deleted."""
    lock_order.lock_import_order(connection)
    forget_files(connection, job_number)


def undo_some(worker: Resources, connection: Connection[Any], job_number: int) -> bool:
    """Deletes the next part of what an import brought, in the caller's transaction. False if nothing was left."""
    # Minus the number: what an export brought of the words of clients (services/worker/persist/insert_rows.sql).
    parameters: dict[str, Any] = {"job_number": job_number, "bringers": [job_number, -job_number], "idle_gap": worker.idle_gap}
    parameters |= {"limit": SESSIONS_AT_ONCE, "rows_limit": ROWS_AT_ONCE}
    lock_order.lock_import_order(connection)
    with connection.cursor(row_factory=scalar_row) as cursor:
        listed = cursor.execute(_LEFT, parameters).fetchall()
    if not listed:
        return take_back_some(connection, parameters)
    if listed == [""]:
        is_done = _undo_sessionless(connection, parameters)
    else:
        parameters["session_ids"] = listed = [session_id for session_id in listed if session_id]
        is_done = _undo_rows(connection, parameters)
    if is_done:
        connection.execute(_DONE, parameters | {"session_ids": listed})
    return True


def _undo_rows(connection: Connection[Any], parameters: dict[str, Any]) -> bool:
    """Deletes some rows of the sessions. True if they were the last; then the sessions' facts are deleted too.

    All that can be is read before the lock that other writers wait for.
    """
    rows = connection.execute(_next_rows(), parameters).fetchall()
    is_last = len(rows) < ROWS_AT_ONCE
    listed = parameters["session_ids"] if is_last else sorted({session_id for _, session_id in rows})
    parameters = parameters | {"row_ids": [row_id for row_id, _ in rows]}
    with connection.cursor(row_factory=scalar_row) as cursor:
        heirs = cursor.execute(_HEIRS, parameters).fetchall()
        lock_order.lock_writing_exclusive(connection)
        # Sessions that only handed their rows over may be gone; a row that comes back needs one.
        parameters["session_ids"] = sorted({*listed, *heirs})
        connection.execute(INSERT_SESSIONS, parameters)
        connection.execute(LOCK_SESSIONS, parameters)
        file_keys = cursor.execute(_SQL.file_keys, parameters).fetchall()
    if is_last:
        for command in _FACTS:
            connection.execute(command, parameters)
    _take_back_rows(connection, parameters)
    connection.execute(_SQL.delete_files, parameters | {"file_keys": file_keys})
    if is_last:
        for command in _OTHER_CLAIMS:
            connection.execute(command, parameters)
        session_rebuild.delete_empty_sessions(connection, parameters)
    session_rebuild.rebuild_sessions(connection, parameters)
    whole_ids: list[str] = []
    if is_last:
        connection.execute(_SQL.forget_keys, parameters)
        whole_ids = parameters["session_ids"]
    reattribution.update_session_rows(connection, parameters["session_ids"], parameters["row_ids"], whole_ids)
    return is_last


def _take_back_rows(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    for command in (
        *for_each(_DELETE_ROWS),
        *for_each(_SQL.keep_rows),
        _WITHDRAW_CLAIMS.encode(),
        *for_each(_GIVE_BACK),
        _SETTLED_CLAIMS.encode(),
    ):
        connection.execute(command, parameters)


def _undo_sessionless(connection: Connection[Any], parameters: dict[str, Any]) -> bool:
    """The same for rows without a session, on which nothing else depends. True if they were the last."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        row_ids = cursor.execute(_NEXT_SESSIONLESS, parameters).fetchall()
    parameters = parameters | {"row_ids": row_ids}
    lock_order.lock_writing_exclusive(connection)
    for table in ("messages", "tool_calls"):
        for template in (_DELETE_ROWS, _SQL.keep_rows):
            connection.execute(sql(template, table=table).encode(), parameters)
    return len(row_ids) < ROWS_AT_ONCE


def clear_up(connection: Connection[Any], job_number: int) -> None:
    """When all rows are gone: takes back what came besides, and forgets which projects and files the import brought, in the caller's transaction."""
    forget_contents(connection, job_number)
    forget_besides(connection, job_number)
    forget_tombstones(connection, job_number)
    for command in _LEFTOVERS:
        connection.execute(command.encode(), {"job_number": job_number})
