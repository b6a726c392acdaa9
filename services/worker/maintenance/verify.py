"""`python -m services.worker.maintenance.verify`: computes every aggregate again from the rows, compares, and exits 1 if one differs,
or if the journal's account does not come out.

Reads one snapshot, so it may run while events come in. The expected numbers come from the same definitions (aggregate.py) that the
worker adds up by, but from all rows at once.
"""

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import Connection

from services.worker.aggregates import contributions, rollups
from services.worker.drain.accounting import check_accounting, equation
from services.worker.resources import open_resources
from services.worker.retry_later import UNAVAILABLE_ERRORS, reason_of
from services.worker.sessions import session_rebuild, session_totals
from services.worker.settings import Settings

_DELTAS = contributions.delta_ctes(**contributions.of_rows(lambda table: table, "+"))

_ACTIVE_DELTAS = """
    active_deltas AS (
        SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
        FROM active_days, cut_at_buckets(ranges, 15) AS c GROUP BY 1, 2, 3
    )"""

_FILE_COUNTS = f"""
    SELECT project_id, grain_minutes, bucket_start, count(*) AS files_modified
    FROM ({rollups.FILE_CELLS}) AS cells WHERE touches > 0 AND project_id <> -1 GROUP BY 1, 2, 3"""

_ACTIVE_DAYS = """
    SELECT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day, range_agg(c.piece) AS ranges
    FROM sessions AS s, cut_at_buckets(without_gap(s.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
    WHERE s.counted GROUP BY 1, 2, 3"""

_HAVE_ROWS = "SELECT * FROM sessions WHERE counted"
_SESSIONS = session_rebuild.from_rows("session_id IS NOT NULL")
# What a session's own rows say; the numbers that a snapshot lends it are left out on both sides.
_OWN = f"""
    SELECT session_id, {", ".join(f"CASE WHEN {lent} THEN 0 ELSE coalesce({name}, 0) END AS {name}" for name, lent in session_totals.LENT.items())},
           {", ".join(name for name in session_totals.SUMMED if name not in session_totals.LENT)}
    FROM ({_HAVE_ROWS}) AS s"""


@dataclass(frozen=True, slots=True)
class Check:
    """An aggregate, what it should be, and which columns are its key. A row of zeros is the same as none."""

    name: str
    stored: str
    expected: str
    key: tuple[str, ...]
    values: tuple[str, ...]


_CUBE = ("project_id", "user_id", "grain_minutes", "bucket_start")

CHECKS = (
    Check("sessions", _OWN, _SESSIONS, ("session_id",), session_totals.SUMMED),
    Check(
        "session spans",
        _HAVE_ROWS,
        _SESSIONS,
        ("session_id", "started_at", "ended_at", "first_event_at", "last_event_at", "active_ranges", "snapshot"),
        (),
    ),
    Check(
        "active_days", "SELECT * FROM active_days WHERE NOT isempty(ranges)", _ACTIVE_DAYS, ("project_id", "user_id", "day", "ranges"), ()
    ),
    Check(
        "activity_rollups",
        "SELECT * FROM activity_rollups",
        f"WITH {_DELTAS}, {_ACTIVE_DELTAS} {rollups.activity_cells(_FILE_COUNTS)}",
        _CUBE,
        rollups.ROLLUP_MEASURES["activity_rollups"],
    ),
    Check(
        "tool_rollups",
        "SELECT * FROM tool_rollups",
        f"WITH {_DELTAS} {rollups.TOOL_CELLS}",
        (*_CUBE, "tool_name"),
        rollups.ROLLUP_MEASURES["tool_rollups"],
    ),
    Check(
        "tool maxima",
        "SELECT * FROM tool_rollups WHERE calls > 0",
        f"SELECT * FROM (WITH {_DELTAS} {rollups.TOOL_CELLS}) AS cells WHERE calls > 0",
        (*_CUBE, "tool_name", "max_ms", "last_used_at"),
        (),
    ),
    Check(
        "file_rollups",
        "SELECT * FROM file_rollups",
        f"WITH {_DELTAS} {rollups.FILE_CELLS}",
        ("project_id", "grain_minutes", "bucket_start", "file_key"),
        rollups.ROLLUP_MEASURES["file_rollups"],
    ),
    Check(
        "file_sets",
        "SELECT * FROM file_sets WHERE bit_count(bits) > 0",
        f"WITH {_DELTAS} {rollups.FILE_BITS.format(cells=f'SELECT * FROM ({rollups.FILE_CELLS}) AS cells WHERE touches > 0')}",
        ("project_id", "grain_minutes", "bucket_start", "chunk", "bits"),
        (),
    ),
    Check(
        "usage_rollups",
        "SELECT * FROM usage_rollups",
        f"WITH {_DELTAS} {rollups.USAGE_CELLS}",
        (*_CUBE, "model"),
        rollups.ROLLUP_MEASURES["usage_rollups"],
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
    """Prints a line an aggregate, and one for the journal's account; 1 if anything differs or cannot be read."""
    worker = open_resources(Settings())
    try:
        with worker.connection() as connection:
            differences = verify(connection, worker.idle_gap)
        accounts = check_accounting(worker)
    except UNAVAILABLE_ERRORS as error:
        print(f"Nothing can be verified while a server is away, {reason_of(error)}; is the stack running?", file=sys.stderr)
        return 1
    finally:
        worker.close()
    for name, cells in differences.items():
        print(f"{name:20} {'ok' if cells == 0 else f'{cells} cells differ from the rows'}")
    print(f"{'accounting':20} {equation(accounts)}")
    return 1 if any(differences.values()) or accounts.drift else 0


if __name__ == "__main__":
    sys.exit(main())
