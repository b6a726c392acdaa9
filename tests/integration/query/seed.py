"""Rows for the read side's tests: inserts what happened, then computes every aggregate from it by plain GROUP BY, as the schema defines them.

The worker has its own, incremental way to the same numbers; this one is short enough to be believed.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from services.worker.persist.derived_values.outcomes_of_calls import outcome_of
from services.worker.persist.staging.stage_records import as_json

Row = dict[str, Any]
UNDATED = "-infinity"


def add_project(connection: Connection[Any], path: str) -> int:
    """A project's id."""
    sql = "INSERT INTO projects (path, name) VALUES (%s, %s) RETURNING id"
    return int(connection.execute(sql, (path, path.rsplit("/", 1)[-1])).fetchone()[0])  # type: ignore[index]


def add_user(connection: Connection[Any], name: str) -> int:
    """A user's id."""
    return int(connection.execute("INSERT INTO users (name) VALUES (%s) RETURNING id", (name,)).fetchone()[0])  # type: ignore[index]


def add_session(connection: Connection[Any], session_id: str, project_id: int, user_id: int = 0, **columns: Any) -> None:
    """A session that the worker has seen, or with counted=False one that only ingest has."""
    _insert(connection, "sessions", {"counted": True, "session_id": session_id, "project_id": project_id, "user_id": user_id} | columns)


def add_api_call(connection: Connection[Any], session_id: str | None, at: datetime | str, **columns: Any) -> UUID:
    """An API call of a model whose price is not known, unless told otherwise."""
    return _event(connection, "api_calls", session_id, at, columns)


def add_message(connection: Connection[Any], session_id: str | None, at: datetime | str, content: str = "hello", **columns: Any) -> UUID:
    """A message in its session's project; a user's unless told otherwise."""
    return _event(connection, "messages", session_id, at, {"role": "user", "content": content} | columns)


def add_tool_call(connection: Connection[Any], session_id: str | None, at: datetime | str, tool_name: str = "Bash", **columns: Any) -> UUID:
    """A tool call that succeeded in 100 ms, as its tool says, unless told otherwise."""
    row = {"tool_name": tool_name, "status": "success", "duration_ms": 100, "duration_source": "reported"} | columns
    parameters = row.get("parameters")
    parameters = json.loads(parameters) if isinstance(parameters, str) else parameters and parameters.obj
    outcome = outcome_of(tool_name, row["status"], parameters, row.get("result") or "")
    return _event(connection, "tool_calls", session_id, at, row | {"outcome": as_json(outcome)})


def add_activity(connection: Connection[Any], session_id: str | None, at: datetime | str, file_path: str, **columns: Any) -> UUID:
    """A change of a file."""
    file_key = UUID(hashlib.md5(file_path.encode()).hexdigest())
    connection.execute("INSERT INTO files VALUES (%s, %s) ON CONFLICT (file_key) DO NOTHING", (file_key, file_path))
    row = {"file_key": file_key, "action": "modified", "lines_added": 3, "lines_removed": 1}
    return _event(connection, "activities", session_id, at, row | columns)


def add_document(connection: Connection[Any], session_id: str | None, at: datetime | str, content: str = "hello", **columns: Any) -> UUID:
    """The row of a text that can be found, and the id that it is found by: of a user's message unless told otherwise. With a `result` it is a call's.

    A session of this title must be there. A file is one that was changed.
    """
    kind = columns.pop("kind", "message" if "result" not in columns else "tool_call")
    match kind:
        case "message":
            return add_message(connection, session_id, at, content, **columns)
        case "tool_call":
            tool_name = columns.pop("tool_name", "Bash")
            parameters = json.dumps({"command" if tool_name == "Bash" else "file_path": content})
            status = "error" if columns.pop("is_error", False) else "success"
            return add_tool_call(connection, session_id, at, tool_name, parameters=parameters, status=status, **columns)
        case "timeline_entry":
            return add_timeline_entry(connection, session_id, at, columns.pop("role", "command"), content, **columns)
        case "session":
            connection.execute("UPDATE sessions SET title = %s, dated_at = %s WHERE session_id = %s", (content, at, session_id))
            return _id_of("session", session_id)
        case "file":
            add_activity(connection, session_id, at, content, **columns)
            [key] = connection.execute(
                "SELECT project_id, file_key, user_id FROM activities JOIN files USING (file_key)"
                " WHERE file_path = %s AND session_id IS NOT DISTINCT FROM %s GROUP BY project_id, file_key, user_id",
                (content, session_id),
            ).fetchall()
            return _id_of("file", " ".join(map(str, key)))
        case _:
            raise ValueError(f"There are no documents of {kind}s.")


def add_timeline_entry(
    connection: Connection[Any], session_id: str, at: datetime | str, kind: str, content: str = "", **columns: Any
) -> UUID:
    """An entry of a timeline besides messages, calls and changes."""
    return _event(connection, "timeline_entries", session_id, at, {"kind": kind, "content": content} | columns)


def add_signs(connection: Connection[Any], session_id: str, **columns: Any) -> None:
    """The newest signs of what a session does."""
    _insert(connection, "session_signs", {"session_id": session_id} | columns)


def write_sums(connection: Connection[Any], statement: str, parameters: Row | None = None) -> None:
    """Writes sums that no rows add up to. Else triggers alone write them."""
    connection.execute("SET tracker.sums_stay = 'on'")
    connection.execute(statement.encode(), parameters)
    connection.execute("RESET tracker.sums_stay")


def compute_totals(connection: Connection[Any]) -> None:
    """Sessions' totals, from the rows. Sums follow by triggers."""
    for statement in _TOTALS.split(";\n"):
        connection.execute(statement.encode())


def _event(connection: Connection[Any], table: str, session_id: str | None, at: datetime | str, columns: Row) -> UUID:
    """A row in its session's project and of its user. One statement without an answer, so that a pipeline has many under way."""
    event_id = uuid4()
    row = {"id": event_id, "session_id": session_id, "occurred_at": at, "received_at": "2026-01-01T00:00:00Z"} | columns
    names, values = _lists(row)
    of_session = (f"coalesce((SELECT {name} FROM sessions WHERE session_id = %(session_id)s), 0)" for name in ("project_id", "user_id"))
    sql = f"INSERT INTO {table} ({names}, project_id, user_id) VALUES ({values}, {', '.join(of_session)})"
    connection.execute(sql.encode(), row)
    return event_id


def _id_of(kind: str, key: object) -> UUID:
    """As services/query/search_index/documents/row_documents.sql makes it."""
    return UUID(hashlib.md5(f"{kind} {key}".encode()).hexdigest())


def _insert(connection: Connection[Any], table: str, row: Row) -> None:
    names, values = _lists(row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})".encode(), row)


def _lists(names: Iterable[str]) -> tuple[str, str]:
    return ", ".join(names), ", ".join(f"%({name})s" for name in names)


_TOTALS = """
TRUNCATE session_files, ledger;
UPDATE sessions s SET
    first_event_at = e.first_event_at, last_event_at = e.last_event_at, active_ranges = e.ranges,
    dated_at = coalesce(least(s.started_at, e.first_event_at), s.ended_at, '-infinity'),
    wall_us = microseconds(greatest(s.ended_at, e.last_event_at) - least(s.started_at, e.first_event_at)),
    active_us = measure_us(without_gap(e.ranges, '5 minutes'))
FROM (
    SELECT session_id, min(t) AS first_event_at, max(t) AS last_event_at, range_agg(tstzrange(t, t + interval '5 minutes')) AS ranges
    FROM (
        SELECT session_id, occurred_at AS t FROM messages UNION ALL SELECT session_id, occurred_at FROM tool_calls
        UNION ALL SELECT session_id, occurred_at FROM activities
        UNION ALL SELECT session_id, started_at FROM sessions WHERE started_at IS NOT NULL
        UNION ALL SELECT session_id, ended_at FROM sessions WHERE ended_at IS NOT NULL AND started_at IS NOT NULL
    ) AS events WHERE t > '-infinity' GROUP BY session_id
) AS e WHERE e.session_id = s.session_id AND s.counted;
UPDATE sessions s SET user_messages = e.u, assistant_messages = e.a
FROM (SELECT session_id, count(*) FILTER (WHERE role = 'user') AS u, count(*) FILTER (WHERE role = 'assistant') AS a FROM messages GROUP BY 1) AS e
WHERE e.session_id = s.session_id;
UPDATE sessions s SET input_tokens = e.i, output_tokens = e.o, cache_creation_tokens = e.cc, cache_read_tokens = e.cr,
    api_calls = e.n, unpriced_calls = e.unpriced, cost_nano_usd = e.cost,
    cache_priced_calls = e.known, uncached_nano_usd = coalesce(e.uncached, 0), cache_saved_nano_usd = coalesce(e.saved, 0)
FROM (SELECT session_id, sum(input_tokens) AS i, sum(output_tokens) AS o, sum(cache_write_5m_tokens + cache_write_1h_tokens) AS cc,
    sum(cache_read_tokens) AS cr, count(*) AS n, count(*) FILTER (WHERE cost_nano_usd IS NULL) AS unpriced, sum(cost_nano_usd) AS cost,
    count(cache_saved_nano_usd) AS known, sum(uncached_nano_usd) AS uncached, sum(cache_saved_nano_usd) AS saved
    FROM api_calls GROUP BY 1) AS e
WHERE e.session_id = s.session_id;
UPDATE sessions s SET tool_calls = e.n, tool_errors = e.bad
FROM (SELECT session_id, count(*) AS n, count(*) FILTER (WHERE status IN ('error', 'timeout')) AS bad FROM tool_calls GROUP BY 1) AS e
WHERE e.session_id = s.session_id;
UPDATE sessions s SET files_modified = e.n, lines_added = e.la, lines_removed = e.lr
FROM (SELECT session_id, count(DISTINCT file_key) AS n, sum(lines_added) AS la, sum(lines_removed) AS lr FROM activities GROUP BY 1) AS e
WHERE e.session_id = s.session_id;
INSERT INTO session_files SELECT DISTINCT session_id, file_key FROM activities WHERE session_id IS NOT NULL;
INSERT INTO ledger SELECT 0, count(*), 0, 0, max(received_at) FROM messages
"""
