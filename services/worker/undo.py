"""The undo of an import: exactly the rows that nothing else brought are taken away, and what they counted for with them.

Some sessions a transaction, each taken off the list of what is left to do in the same transaction; so it may die anywhere and go on.
"""

from typing import Any

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import aggregate, copies, lock_order, rework, roll_up, session_rows
from services.worker.persist import LOCK_SESSIONS, NEW_SESSIONS, date_projects
from services.worker.resources import Resources

SESSIONS_AT_ONCE = 20
# Rows without a session hang on nothing; these are the prompts of claude.json and history.jsonl.
MESSAGES_AT_ONCE = 2_000

_LEFT = "SELECT session_id FROM import_sessions WHERE job_number = %(job_number)s ORDER BY session_id = '', session_id LIMIT %(limit)s"
_DONE = "DELETE FROM import_sessions WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)"

_TABLES = (*copies.TABLES, "session_facts")
_OURS_ALONE = "brought_by = ARRAY[%(job_number)s]::integer[]"
_NOT_OURS = "UPDATE {table} SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE {condition} AND %(job_number)s = ANY(brought_by)"
_DELETE_FILES = """
    DELETE FROM files AS f USING unnest(%(file_keys)s::uuid[]) AS k (file_key)
    WHERE f.file_key = k.file_key AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)"""

_FILE_KEYS = f"SELECT DISTINCT file_key FROM activities WHERE session_id = ANY(%(session_ids)s) AND {_OURS_ALONE}"

# A row that is left goes to whoever of those left has the best claim, as if the import had never been.
_WITHDRAW_CLAIMS = "DELETE FROM contested_rows WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)"
_BEST_CLAIM = "(SELECT min(c.session_id) FROM contested_rows AS c WHERE c.row_id = t.id)"
_HEIRS = " UNION ".join(
    f"SELECT {_BEST_CLAIM} FROM {table} AS t WHERE session_id = ANY(%(session_ids)s) AND NOT {_OURS_ALONE} AND {_BEST_CLAIM} <> session_id"
    for table in copies.TABLES
)
_GIVE_BACK = [
    f"UPDATE {table} AS t SET session_id = {_BEST_CLAIM} WHERE session_id = ANY(%(session_ids)s) AND {_BEST_CLAIM} <> session_id"
    for table in copies.TABLES
]
# Contested no more: only one session has it, or the row is gone.
_SETTLED_CLAIMS = """
    DELETE FROM contested_rows AS c WHERE session_id = ANY(%(session_ids)s)
      AND NOT EXISTS (SELECT FROM contested_rows AS o WHERE o.row_id = c.row_id AND o.session_id <> c.session_id)"""

# What the session has of the undone import alone is not known any more; its starts and other facts say it again.
_FORGET_KEYS = """
    UPDATE sessions SET project_id = 0, user_id = 0, model = NULL, git_branch = NULL, client_version = NULL, source = NULL,
        idle_closed_at = CASE WHEN idle_closed_at IS NOT NULL THEN least(idle_closed_at, last_event_at) END
    WHERE session_id = ANY(%(session_ids)s)"""

_DELTAS = aggregate.delta_ctes(
    **(
        aggregate.of_rows(lambda table: f"(SELECT * FROM {table} WHERE false) AS none", "-")
        | {"activity": [aggregate.of_messages("gone_messages", "-")]}
    )
)
_DELETE_SESSIONLESS = f"""
    WITH gone_messages AS (
        DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE session_id IS NULL AND {_OURS_ALONE} LIMIT %(limit)s)
        RETURNING project_id, user_id, role, occurred_at
    ), {_DELTAS}, {rework.NO_ACTIVE_DELTAS}, {roll_up.ROLL_UP} SELECT count(*) FROM gone_messages"""

_EMPTY_CELLS = [
    f"DELETE FROM {table} WHERE ({', '.join(measures)}) = ({', '.join('0' * len(measures))})"
    for table, measures in roll_up.ROLLUP_MEASURES.items()
]  # fmt: skip
_LEFTOVERS = [
    "UPDATE projects SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE %(job_number)s = ANY(brought_by)",
    """DELETE FROM projects AS p WHERE brought_by = '{}' AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.project_id = p.id)
       AND NOT EXISTS (SELECT FROM messages AS m WHERE m.project_id = p.id) AND NOT EXISTS (SELECT FROM session_events AS e WHERE e.project_id = p.id)""",
    """DELETE FROM users AS u WHERE NOT EXISTS (SELECT FROM sessions AS s WHERE s.user_id = u.id)
       AND NOT EXISTS (SELECT FROM messages AS m WHERE m.user_id = u.id) AND NOT EXISTS (SELECT FROM tool_calls AS c WHERE c.user_id = u.id)
       AND NOT EXISTS (SELECT FROM session_events AS e WHERE e.user_id = u.id) AND NOT EXISTS (SELECT FROM session_facts AS e WHERE e.user_id = u.id)""",
    "DELETE FROM active_days WHERE isempty(ranges)",
    "DELETE FROM file_sets WHERE bit_count(bits) = 0",
    "DELETE FROM imported_files WHERE job_number = %(job_number)s",
    "UPDATE import_jobs SET undone_at = clock_timestamp() WHERE number = %(job_number)s",
    *_EMPTY_CELLS,
]


def undo_some(worker: Resources, connection: Connection[Any], job_number: int) -> bool:
    """Takes away the next part of what an import brought, in the caller's transaction. False if nothing was left."""
    parameters: dict[str, Any] = {"job_number": job_number, "idle_gap": worker.idle_gap, "limit": SESSIONS_AT_ONCE}
    lock_order.take_turns(connection)
    lock_order.alone(connection)
    with connection.cursor(row_factory=scalar_row) as cursor:
        session_ids = cursor.execute(_LEFT, parameters).fetchall()
    if not session_ids:
        return False
    parameters["session_ids"] = session_ids
    if session_ids == [""]:
        if not _undo_sessionless(connection, parameters):
            connection.execute(_DONE, parameters)
    else:
        parameters["session_ids"] = [session_id for session_id in session_ids if session_id]
        _undo_sessions(connection, parameters)
        connection.execute(_DONE, parameters)
    return True


def _undo_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    connection.execute(_WITHDRAW_CLAIMS, parameters)
    with connection.cursor(row_factory=scalar_row) as cursor:
        heirs = cursor.execute(_HEIRS.encode(), parameters).fetchall()
        # Sessions that only handed their rows over may be gone; a row that comes back needs one.
        parameters = parameters | {"session_ids": sorted({*parameters["session_ids"], *heirs})}
        connection.execute(NEW_SESSIONS, parameters)
        connection.execute(LOCK_SESSIONS, parameters)
        keys = cursor.execute(_FILE_KEYS.encode(), parameters).fetchall()
    with rework.reworked(connection, parameters) as projects:
        for table in _TABLES:
            condition = "session_id = ANY(%(session_ids)s)"
            connection.execute(f"DELETE FROM {table} WHERE {condition} AND {_OURS_ALONE}".encode(), parameters)
            connection.execute(_NOT_OURS.format(table=table, condition=condition).encode(), parameters)
        for statement in _GIVE_BACK:
            connection.execute(statement.encode(), parameters)
        connection.execute(_SETTLED_CLAIMS.encode(), parameters)
        connection.execute(_DELETE_FILES, parameters | {"file_keys": keys})
        connection.execute(session_rows.FORGET, parameters)
        session_rows.remake(connection, parameters)
        connection.execute(_FORGET_KEYS, parameters)
    date_projects(connection, projects)


def _undo_sessionless(connection: Connection[Any], parameters: dict[str, Any]) -> int:
    """How many went; 0 when none is left."""
    [(gone,)] = connection.execute(_DELETE_SESSIONLESS.encode(), parameters | {"limit": MESSAGES_AT_ONCE}).fetchall()
    if gone == 0:
        connection.execute(_NOT_OURS.format(table="messages", condition="session_id IS NULL").encode(), parameters)
    return int(gone)


def clear_up(connection: Connection[Any], job_number: int) -> None:
    """When all rows are gone: projects, users and cells that nothing is left in, in the caller's transaction."""
    lock_order.take_turns(connection)
    connection.execute("SET LOCAL statement_timeout = 0")
    lock_order.alone(connection)
    for statement in _LEFTOVERS:
        connection.execute(statement.encode(), {"job_number": job_number})
