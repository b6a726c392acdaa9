"""Everything that the worker stores and computes, by names instead of ids, without cells of zeros and times of storing: for comparing two databases."""

import json
from typing import Any

from psycopg import Connection

_ROWS = ("messages", "tool_calls", "activities", "api_calls", "session_events", "session_facts", "sessions")
_CELLS = ("activity_rollups", "tool_rollups", "file_rollups", "usage_rollups", "active_days")
# Vectors of counters are numbers of thousands of digits, which Python's json refuses; verify looks at them.
_VECTORS = ("times", "calls_by_quarter", "errors_by_quarter", "active_by_quarter")
_STORED = ("received_at", "persisted_at", "created_at", "brought_by", "terms", "project_id", "user_id")
_KEYS = frozenset(
    {"p", "u", "grain_minutes", "bucket_start", "tool_name", "latency_bucket", "file_key", "model", "day", "max_ms", "last_used_at"}
)


def tables(connection: Connection[Any]) -> dict[str, list[str]]:
    """By table its rows as JSON, sorted."""
    found = {table: _rows(connection, _named(table)) for table in _ROWS}
    for table in _CELLS:
        found[table] = [row for row in _rows(connection, _named(table)) if _counts(json.loads(row))]
    found["projects"] = _rows(connection, "SELECT jsonb_build_object('path', path, 'last', last_session_at) FROM projects")
    found["users"] = _rows(connection, "SELECT to_jsonb(name) FROM users")
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
