"""The undo of an import: exactly the rows that nothing else brought are taken away, and what they counted for with them.

A transaction takes away so many rows that live events hardly wait for it, and leaves aggregates that are what the rows say. It looks at the cells, days
and sessions that those rows are in, and at no others. The sessions that are done are taken off the list of what is left in the same transaction; so it
may die anywhere and go on. Ids are for good: projects and users stay, and are not listed without anything in them.
"""

from typing import Any

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.aggregates import contributions, rollups
from services.worker.persist.persist_batch import LOCK_SESSIONS, NEW_SESSIONS, date_projects
from services.worker.resources import Resources
from services.worker.sessions import fork_ownership, reattribution, session_rebuild

# What one transaction takes away. Nobody else writes meanwhile.
SESSIONS_AT_ONCE = 20
ROWS_AT_ONCE = 500

_LEFT = "SELECT session_id FROM import_sessions WHERE job_number = %(job_number)s ORDER BY session_id = '', session_id LIMIT %(limit)s"
_DONE = "DELETE FROM import_sessions WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)"

_OURS_ALONE = "brought_by = ARRAY[%(job_number)s]::integer[]"
_OURS = "%(job_number)s = ANY(brought_by)"
_NOT_OURS = f"SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE {_OURS}"

# The next rows, and in which sessions they are; of rows without a session, those too.
_ROWS = " UNION ALL ".join(
    f"SELECT id, session_id FROM {table} WHERE session_id = ANY(%(session_ids)s) AND {_OURS}" for table in fork_ownership.TABLES
)
_NEXT_ROWS = f"SELECT id, session_id FROM ({_ROWS}) AS ours LIMIT %(rows_limit)s"
_NEXT_SESSIONLESS = f"SELECT id FROM messages WHERE session_id IS NULL AND {_OURS} LIMIT %(rows_limit)s"

_DELETE_ROWS = [f"DELETE FROM {table} WHERE id = ANY(%(row_ids)s) AND {_OURS_ALONE}" for table in fork_ownership.TABLES]
_LEAVE_ROWS = [f"UPDATE {table} {_NOT_OURS} AND id = ANY(%(row_ids)s)" for table in fork_ownership.TABLES]
_FILE_KEYS = f"SELECT DISTINCT file_key FROM activities WHERE id = ANY(%(row_ids)s) AND {_OURS_ALONE}"
_DELETE_FILES = """
    DELETE FROM files AS f USING unnest(%(file_keys)s::uuid[]) AS k (file_key)
    WHERE f.file_key = k.file_key AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)"""

# A row that is left goes to whoever of those left has the best claim, as if the import had never been.
_WITHDRAW_CLAIMS = "DELETE FROM contested_rows WHERE job_number = %(job_number)s AND row_id = ANY(%(row_ids)s)"
_BEST_CLAIM = "(SELECT min(c.session_id) FROM contested_rows AS c WHERE c.row_id = t.id)"
_HEIRS = """
    SELECT DISTINCT min(session_id) FROM contested_rows
    WHERE row_id = ANY(%(row_ids)s) AND job_number <> %(job_number)s GROUP BY row_id"""
_GIVE_BACK = [
    f"UPDATE {table} AS t SET session_id = {_BEST_CLAIM} WHERE id = ANY(%(row_ids)s) AND {_BEST_CLAIM} <> session_id"
    for table in fork_ownership.TABLES
]
# Contested no more: only one session has it, or the row is gone.
_SETTLED_CLAIMS = """
    DELETE FROM contested_rows AS c WHERE row_id = ANY(%(row_ids)s)
      AND NOT EXISTS (SELECT FROM contested_rows AS o WHERE o.row_id = c.row_id AND o.session_id <> c.session_id)"""

# When no row of the sessions is left: what the files said of them as a whole, and claims to rows that were never stored.
_FACTS = (
    f"DELETE FROM session_facts WHERE session_id = ANY(%(session_ids)s) AND {_OURS_ALONE}",
    f"UPDATE session_facts {_NOT_OURS} AND session_id = ANY(%(session_ids)s)",
)
_OTHER_CLAIMS = (
    "DELETE FROM contested_rows WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)",
    """DELETE FROM contested_rows AS c WHERE session_id = ANY(%(session_ids)s)
       AND NOT EXISTS (SELECT FROM contested_rows AS o WHERE o.row_id = c.row_id AND o.session_id <> c.session_id)""",
)
# What the session has of the undone import alone is not known any more; its starts and other facts say it again.
_FORGET_KEYS = """
    UPDATE sessions SET project_id = 0, user_id = 0, model = NULL, git_branch = NULL, client_version = NULL, source = NULL,
        idle_closed_at = CASE WHEN idle_closed_at IS NOT NULL THEN least(idle_closed_at, last_event_at) END
    WHERE session_id = ANY(%(session_ids)s)"""

_DELTAS = contributions.delta_ctes(
    **(
        contributions.of_rows(lambda table: f"(SELECT * FROM {table} WHERE false) AS none", "-")
        | {"activity": [contributions.of_messages("gone_messages", "-")]}
    )
)
_DELETE_SESSIONLESS = f"""
    WITH gone_messages AS (
        DELETE FROM messages WHERE id = ANY(%(row_ids)s) AND {_OURS_ALONE} RETURNING project_id, user_id, role, occurred_at
    ), {_DELTAS}, {reattribution.NO_ACTIVE_DELTAS}, {rollups.TAKE_AWAY}"""

_LEFTOVERS = (
    f"SELECT FROM projects WHERE {_OURS} ORDER BY id FOR UPDATE",
    f"UPDATE projects {_NOT_OURS}",
    "DELETE FROM imported_files WHERE job_number = %(job_number)s",
    "UPDATE import_jobs SET undone_at = clock_timestamp() WHERE number = %(job_number)s",
)


def undo_some(worker: Resources, connection: Connection[Any], job_number: int) -> bool:
    """Takes away the next part of what an import brought, in the caller's transaction. False if nothing was left."""
    parameters: dict[str, Any] = {"job_number": job_number, "idle_gap": worker.idle_gap}
    parameters |= {"limit": SESSIONS_AT_ONCE, "rows_limit": ROWS_AT_ONCE}
    lock_order.lock_import_order(connection)
    with connection.cursor(row_factory=scalar_row) as cursor:
        listed = cursor.execute(_LEFT, parameters).fetchall()
    if not listed:
        return False
    if listed == [""]:
        is_done = _undo_sessionless(connection, parameters)
    else:
        parameters["session_ids"] = listed = [session_id for session_id in listed if session_id]
        is_done = _undo_rows(connection, parameters)
    if is_done:
        connection.execute(_DONE, parameters | {"session_ids": listed})
    return True


def _undo_rows(connection: Connection[Any], parameters: dict[str, Any]) -> bool:
    """Takes away some rows of the sessions; and if these are the last, what was said of the sessions as a whole. True if they were.

    What is looked for is looked for before others have to wait.
    """
    rows = connection.execute(_NEXT_ROWS.encode(), parameters).fetchall()
    is_last = len(rows) < ROWS_AT_ONCE
    listed = parameters["session_ids"] if is_last else sorted({session_id for _, session_id in rows})
    parameters = parameters | {"row_ids": [row_id for row_id, _ in rows]}
    with connection.cursor(row_factory=scalar_row) as cursor:
        heirs = cursor.execute(_HEIRS, parameters).fetchall()
        lock_order.lock_writing_exclusive(connection)
        # Sessions that only handed their rows over may be gone; a row that comes back needs one.
        parameters["session_ids"] = sorted({*listed, *heirs})
        connection.execute(NEW_SESSIONS, parameters)
        connection.execute(LOCK_SESSIONS, parameters)
        file_keys = cursor.execute(_FILE_KEYS.encode(), parameters).fetchall()
    if is_last:
        for statement in _FACTS:
            connection.execute(statement.encode(), parameters)
    moving = connection.execute((reattribution.MOVING_IF_FORGOTTEN if is_last else reattribution.MOVING).encode(), parameters).fetchone()
    assert moving is not None
    parameters["whole_ids"] = moving[0] or []
    with reattribution.reworked(connection, parameters) as projects:
        for statement in (*_DELETE_ROWS, *_LEAVE_ROWS, _WITHDRAW_CLAIMS, *_GIVE_BACK, _SETTLED_CLAIMS):
            connection.execute(statement.encode(), parameters)
        connection.execute(_DELETE_FILES, parameters | {"file_keys": file_keys})
        if is_last:
            for statement in (*_OTHER_CLAIMS, session_rebuild.FORGET):
                connection.execute(statement.encode(), parameters)
        session_rebuild.remake(connection, parameters)
        if is_last:
            connection.execute(_FORGET_KEYS, parameters)
    date_projects(connection, projects)
    return is_last


def _undo_sessionless(connection: Connection[Any], parameters: dict[str, Any]) -> bool:
    """The same of rows without a session, which nothing else hangs on. True if these were the last."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        row_ids = cursor.execute(_NEXT_SESSIONLESS.encode(), parameters).fetchall()
    parameters = parameters | {"row_ids": row_ids}
    lock_order.lock_writing_exclusive(connection)
    connection.execute(_DELETE_SESSIONLESS.encode(), parameters)
    reattribution.delete_emptied(connection)
    connection.execute(f"UPDATE messages {_NOT_OURS} AND id = ANY(%(row_ids)s)".encode(), parameters)
    return len(row_ids) < ROWS_AT_ONCE


def clear_up(connection: Connection[Any], job_number: int) -> None:
    """When all rows are gone: which projects and files it brought, in the caller's transaction."""
    lock_order.lock_import_order(connection)
    for statement in _LEFTOVERS:
        connection.execute(statement.encode(), {"job_number": job_number})
