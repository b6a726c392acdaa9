"""Everything that the worker stores and computes, by names instead of ids, without cells of zeros and times of storing: for comparing two databases."""

import json
from typing import Any

from psycopg import Connection

from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from tests import emptied

_ROWS = ("messages", "tool_calls", "activities", "api_calls", "timeline_entries", "session_events", "session_facts", "sessions")
_CELLS = ("file_rollups", "tool_rollups", "error_rollups", "usage_rollups", "activity_rollups", "active_days")
# Vectors of counters are numbers of thousands of digits, which Python's json refuses; verify looks at them.
_VECTORS = ("times", "measured_times", "calls_by_quarter", "errors_by_quarter", "active_by_quarter")
# When a session was closed as idle depends on the clock and on who looked: an import does so as it stores, else the sweep.
_STORED = ("received_at", "persisted_at", "created_at", "brought_by", "project_id", "user_id", "idle_closed_at", "gone_at")
_KEYS = frozenset(
    {"p", "u", "grain_minutes", "bucket_start", "tool_name", "error_class", "file_key", "model", "day", "max_ms", "max_measured_ms"}
    | {"last_used_at"}
)

# Ids are for good: what was taken back leaves its project and its user behind, with nothing in them. Here they are as if they had never been.
_PROJECTS = """
    SELECT to_jsonb(path) FROM projects AS p
    WHERE brought_by IS DISTINCT FROM '{}' OR EXISTS (SELECT FROM sessions AS s WHERE s.project_id = p.id)
       OR EXISTS (SELECT FROM messages AS m WHERE m.project_id = p.id) OR EXISTS (SELECT FROM session_events AS e WHERE e.project_id = p.id)"""
_USERS = """
    SELECT to_jsonb(name) FROM users AS u
    WHERE id IN (SELECT user_id FROM sessions UNION SELECT user_id FROM messages UNION SELECT user_id FROM tool_calls
                 UNION SELECT user_id FROM session_events UNION SELECT user_id FROM session_facts)"""


def fold(connection: Connection[Any]) -> None:
    """Has all sums be as they are after the transaction."""
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.execute("SET CONSTRAINTS ALL DEFERRED")


def tables(connection: Connection[Any]) -> dict[str, list[str]]:
    """By table its rows as JSON, sorted, in a transaction."""
    fold(connection)
    found = {table: _rows(connection, _named(table)) for table in _ROWS}
    for table in _CELLS:
        found[table] = [row for row in _rows(connection, _named(table)) if _counts(json.loads(row))]
    found["projects"] = _rows(connection, _PROJECTS)
    found["users"] = _rows(connection, _USERS)
    found["files"] = _rows(connection, "SELECT to_jsonb(file_path) FROM files")
    found["session_files"] = _rows(connection, "SELECT to_jsonb(f) FROM session_files AS f")
    return found


def _named(table: str) -> str:
    users = "" if table == "file_rollups" else "LEFT JOIN users AS u ON u.id = t.user_id"
    user = "NULL" if table == "file_rollups" else "coalesce(u.name, t.user_id::text)"
    return f"""
        SELECT (to_jsonb(t) - '{{{",".join(_STORED + _VECTORS)}}}'::text[]) || jsonb_build_object('p', coalesce(p.path, t.project_id::text), 'u', {user})
        FROM {table} AS t LEFT JOIN projects AS p ON p.id = t.project_id {users}"""


def _rows(connection: Connection[Any], sql: str) -> list[str]:
    return sorted(json.dumps(row[0], sort_keys=True) for row in connection.execute(sql.encode()))


def _counts(cell: dict[str, Any]) -> bool:
    return any(value not in (0, "{}", None) for name, value in cell.items() if name not in _KEYS)


def all_tables(worker: Resources) -> dict[str, list[str]]:
    with worker.transaction() as connection:
        return tables(connection)


def empty(worker: Resources) -> None:
    with worker.transaction() as connection:
        emptied.empty(connection)


def differences(worker: Resources) -> dict[str, int]:
    """Cells that are not what the rows say, by aggregate."""
    with worker.connection() as connection:
        return {name: cells for name, cells in verify(connection, worker.idle_gap).items() if cells}


def is_verified(worker: Resources) -> bool:
    return differences(worker) == {}
