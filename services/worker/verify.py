"""`python -m services.worker.verify`: computes every aggregate again from the rows, compares, and exits 1 if one differs.

Reads one snapshot, so it may run while events come in. The expected numbers come from the same definitions (aggregate.py) that the
worker adds up by, but from all rows at once.
"""

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import Connection

from services.worker import aggregate
from services.worker.resources import open_resources
from services.worker.settings import Settings

_DELTAS = aggregate.delta_ctes(
    activity=[
        aggregate.of_messages("messages"),
        aggregate.of_tool_calls("tool_calls"),
        aggregate.of_activities("activities"),
        aggregate.of_sessions("sessions"),
    ],
    tools=[aggregate.to_tools("tool_calls")],
    files=[aggregate.to_files("activities")],
)

_ACTIVE_DELTAS = """
    active_deltas AS (
        SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
        FROM active_days, cut_at_buckets(ranges, 15) AS c GROUP BY 1, 2, 3
    )"""

_FILE_COUNTS = f"""
    SELECT project_id, grain_minutes, bucket_start, count(*) AS files_modified
    FROM ({aggregate.FILE_CELLS}) AS cells WHERE touches > 0 AND project_id <> -1 GROUP BY 1, 2, 3"""

_ACTIVE_DAYS = """
    SELECT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day, range_agg(c.piece) AS ranges
    FROM sessions AS s, cut_at_buckets(without_gap(s.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
    WHERE s.counted GROUP BY 1, 2, 3"""

_SESSION_EVENTS = """
    SELECT session_id, occurred_at, 0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, NULL::uuid AS file_key FROM session_events
    UNION ALL SELECT session_id, occurred_at, (role = 'user')::int, (role = 'assistant')::int, 0, 0, NULL FROM messages WHERE session_id IS NOT NULL
    UNION ALL SELECT session_id, occurred_at, 0, 0, 1, (status IN ('error', 'timeout'))::int, NULL FROM tool_calls WHERE session_id IS NOT NULL
    UNION ALL SELECT session_id, occurred_at, 0, 0, 0, 0, file_key FROM activities WHERE session_id IS NOT NULL"""

# Sessions that have events: their counts, span and active ranges.
_SESSIONS = f"""
    SELECT session_id, min(occurred_at) AS first_event_at, max(occurred_at) AS last_event_at,
           range_agg(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) AS active_ranges,
           sum(user_messages) AS user_messages, sum(assistant_messages) AS assistant_messages, sum(tool_calls) AS tool_calls,
           sum(tool_errors) AS tool_errors, count(DISTINCT file_key) AS files_modified
    FROM ({_SESSION_EVENTS}) AS events GROUP BY session_id"""


@dataclass(frozen=True, slots=True)
class Check:
    """An aggregate, what it should be, and which columns are its key. A row of zeros is the same as none."""

    name: str
    stored: str
    expected: str
    key: tuple[str, ...]
    values: tuple[str, ...]


_CUBE = ("project_id", "user_id", "grain_minutes", "bucket_start")
_SESSION_VALUES = ("user_messages", "assistant_messages", "tool_calls", "tool_errors", "files_modified")

CHECKS = (
    Check("sessions", "SELECT * FROM sessions WHERE first_event_at IS NOT NULL", _SESSIONS, ("session_id",), _SESSION_VALUES),
    Check(
        "session spans",
        "SELECT * FROM sessions WHERE first_event_at IS NOT NULL",
        f"SELECT * FROM ({_SESSIONS}) AS s",
        ("session_id", "first_event_at", "last_event_at", "active_ranges"),
        (),
    ),
    Check(
        "active_days", "SELECT * FROM active_days WHERE NOT isempty(ranges)", _ACTIVE_DAYS, ("project_id", "user_id", "day", "ranges"), ()
    ),
    Check(
        "activity_rollups",
        "SELECT * FROM activity_rollups",
        f"WITH {_DELTAS}, {_ACTIVE_DELTAS} {aggregate.activity_cells(_FILE_COUNTS)}",
        _CUBE,
        (*aggregate.MEASURES, "active_by_quarter"),
    ),
    Check(
        "tool_rollups",
        "SELECT * FROM tool_rollups",
        f"WITH {_DELTAS} {aggregate.TOOL_CELLS}",
        (*_CUBE, "tool_name"),
        aggregate.TOOL_SUMS + aggregate.TOOL_VECTORS,
    ),
    Check(
        "tool maxima",
        "SELECT * FROM tool_rollups WHERE calls > 0",
        f"SELECT * FROM (WITH {_DELTAS} {aggregate.TOOL_CELLS}) AS cells WHERE calls > 0",
        (*_CUBE, "tool_name", "max_ms", "last_used_at"),
        (),
    ),
    Check(
        "file_rollups",
        "SELECT * FROM file_rollups",
        f"WITH {_DELTAS} {aggregate.FILE_CELLS}",
        ("project_id", "grain_minutes", "bucket_start", "file_key"),
        ("touches", "lines_added", "lines_removed"),
    ),
    Check(
        "file_sets",
        "SELECT * FROM file_sets WHERE bit_count(bits) > 0",
        f"WITH {_DELTAS} {aggregate.FILE_BITS.format(cells=f'SELECT * FROM ({aggregate.FILE_CELLS}) AS cells WHERE touches > 0')}",
        ("project_id", "grain_minutes", "bucket_start", "chunk", "bits"),
        (),
    ),
)


def differing(connection: Connection[Any], check: Check, idle_gap: timedelta) -> int:
    """How many cells are not what the rows say."""
    key = ", ".join(check.key)
    if check.values:
        stored = f"SELECT {key}, {', '.join(check.values)} FROM ({check.stored}) AS s WHERE ({', '.join(check.values)}) <> ({', '.join('0' * len(check.values))})"
        expected = f"SELECT {key}, {', '.join(check.values)} FROM ({check.expected}) AS e WHERE ({', '.join(check.values)}) <> ({', '.join('0' * len(check.values))})"
    else:
        stored, expected = f"SELECT {key} FROM ({check.stored}) AS s", f"SELECT {key} FROM ({check.expected}) AS e"
    sql = f"SELECT count(*) FROM (({stored} EXCEPT ALL {expected}) UNION ALL ({expected} EXCEPT ALL {stored})) AS different"
    found = connection.execute(sql.encode(), {"idle_gap": idle_gap}).fetchone()
    assert found is not None
    return int(found[0])


def verify(connection: Connection[Any], idle_gap: timedelta) -> dict[str, int]:
    """Differing cells by aggregate; all 0 when nothing drifted. Needs a connection outside a transaction."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL work_mem = '256MB'")
        return {check.name: differing(connection, check, idle_gap) for check in CHECKS}


def main() -> int:
    """Prints a line an aggregate; 1 if any differs."""
    worker = open_resources(Settings())
    with worker.engine.connect() as transaction:
        connection = transaction.connection.driver_connection
        assert isinstance(connection, Connection)
        differences = verify(connection, worker.idle_gap)
    worker.close()
    for name, cells in differences.items():
        print(f"{name:20} {'ok' if cells == 0 else f'{cells} cells differ from the rows'}")
    return 1 if any(differences.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
