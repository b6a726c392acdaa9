"""Deletes some rows and facts of sessions, and takes what they count for out of sessions and aggregates.

It reads the deleted rows and their neighbours in time, not all rows of their sessions: sums become less by what is deleted, and of the active time
only the part is made again that nothing else of a file covers.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.aggregates.registry import composed
from services.worker.persist.persist_batch import LOCK_SESSIONS, date_projects
from services.worker.row_tables import ROW_TABLES
from services.worker.sessions import reattribution
from services.worker.sessions.session_totals import CHANGED, FROM_SNAPSHOT, SUMMED
from services.worker.sql_text import ctes, listed, sql, union_all

# What came over the wire is never deleted.
_GONE_ROWS: Final = """
    gone_$table AS (
        DELETE FROM $table WHERE id = ANY(%(row_ids)s::uuid[]) AND NOT coalesce(0 = ANY(brought_by), true) RETURNING $columns
    )"""
_OF_TABLE: Final = """
    SELECT session_id, $ranges AS ranges,
           $measures
    FROM gone_$table"""
_DELETE: Final = """
    WITH $gone
    SELECT session_id, coalesce(range_agg(ranges), '{}')::text AS ranges, array_agg(DISTINCT file_key) FILTER (WHERE file_key IS NOT NULL) AS file_keys,
           $sums
    FROM (
        $rows
    ) AS rows WHERE session_id IS NOT NULL GROUP BY session_id"""
_DELETE_FACTS: Final = "DELETE FROM session_facts WHERE id = ANY(%(fact_ids)s::uuid[]) RETURNING session_id, active_ranges::text AS ranges"

_DELETE_SESSION_FILES: Final = """
    DELETE FROM session_files AS f WHERE session_id = ANY(%(session_ids)s) AND file_key = ANY(%(file_keys)s::uuid[])
      AND NOT EXISTS (SELECT FROM activities AS a WHERE a.session_id = f.session_id AND a.file_key = f.file_key)"""
_DELETE_FILES: Final = """
    DELETE FROM files AS f USING unnest(%(file_keys)s::uuid[]) AS k (file_key)
    WHERE f.file_key = k.file_key AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)"""

# `open` is the time that the deleted rows and facts covered and the facts that are left do not. What is active in it, the rows around say.
_SHRINK: Final = """
    WITH gone AS (
        SELECT session_id, range_agg(ranges) AS ranges,
               $gone_sums
        FROM jsonb_to_recordset(%(gone)s::jsonb) AS g (session_id text, ranges tstzmultirange, $columns)
        GROUP BY session_id
    ),
    kept_facts AS (
        SELECT f.session_id, min(first_record_at) AS first_event_at, max(last_record_at) AS last_event_at, max(ended_at) AS ended_at,
               coalesce(range_agg(active_ranges), '{}') AS active_ranges,
               (SELECT jsonb_object_agg(key, n)
                FROM (SELECT key, max(value::bigint) AS n FROM session_facts AS g, jsonb_each_text(numbers)
                      WHERE g.session_id = f.session_id GROUP BY key) AS greatest
               ) AS snapshot
        FROM session_facts AS f WHERE session_id = ANY(%(session_ids)s) GROUP BY f.session_id
    ),
    open AS (
        SELECT session_id, g.ranges - coalesce(f.active_ranges, '{}') AS ranges FROM gone AS g LEFT JOIN kept_facts AS f USING (session_id)
    ),
    kept AS (
        SELECT o.session_id, range_agg(tstzrange(r.occurred_at, r.occurred_at + %(idle_gap)s)) AS ranges
        FROM open AS o, unnest(o.ranges) AS p (piece), LATERAL (
            $around
        ) AS r GROUP BY o.session_id
    ),
    merged AS (
        SELECT s.session_id, f.session_id IS NOT NULL OR t.first_event_at IS NOT NULL OR ($has_rows) AS counted,
               t.started_at, greatest(t.ended_at, f.ended_at) AS ended_at,
               least(t.first_event_at, f.first_event_at) AS first_event_at, greatest(t.last_event_at, f.last_event_at) AS last_event_at,
               s.active_ranges - coalesce(o.ranges, '{}') + coalesce(k.ranges, '{}') AS active_ranges,
               $sums, f.snapshot
        FROM sessions AS s LEFT JOIN gone AS g USING (session_id) LEFT JOIN open AS o USING (session_id)
        LEFT JOIN kept AS k USING (session_id) LEFT JOIN kept_facts AS f USING (session_id),
        LATERAL (
            SELECT min(first_at) AS first_event_at, max(last_at) AS last_event_at, min(started_at) AS started_at, max(ended_at) AS ended_at
            FROM (
                $times
            ) AS times
        ) AS t
        WHERE s.session_id = ANY(%(session_ids)s)
    ),
    $changed
    SELECT count(*) FROM changed"""
# Each end is the first entry of an index.
_TIMES_OF_TABLE: Final = """
    SELECT (SELECT min(occurred_at) FROM $table WHERE session_id = s.session_id AND occurred_at > '-infinity') AS first_at,
           (SELECT max(occurred_at) FROM $table WHERE session_id = s.session_id AND occurred_at > '-infinity') AS last_at,
           NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at"""
_TIMES_OF_EVENTS: Final = """
    SELECT min(occurred_at), max(occurred_at), min(occurred_at) FILTER (WHERE kind = 'start'), max(occurred_at) FILTER (WHERE kind = 'end')
    FROM session_events WHERE session_id = s.session_id"""
_AROUND: Final = """
    SELECT occurred_at FROM $table WHERE session_id = o.session_id AND occurred_at > lower(p.piece) - %(idle_gap)s AND occurred_at < upper(p.piece)"""
_HAS_ROWS: Final = "EXISTS (SELECT FROM $table AS e WHERE e.session_id = s.session_id)"

_COUNTED: Final = tuple(table for table in ROW_TABLES.values() if table.counts)


@composed
def delete_rows() -> str:
    """Deletes the rows, and gives what they added to their sessions: the time that they cover, their files, and sums."""
    gone = (sql(_GONE_ROWS, table=table.name, columns=listed(table.columns)) for table in ROW_TABLES.values())
    rows = []
    for table in _COUNTED:
        covered = "CASE WHEN isfinite(occurred_at) THEN tstzmultirange(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) END"
        measures = [f"{table.measures.get(name, '0')} AS {name}" for name in SUMMED]
        key = "file_key" if "file_key" in table.fixed else "NULL::uuid AS file_key"
        rows.append(sql(_OF_TABLE, table=table.name, ranges=covered, measures=listed([*measures, key])))
    return sql(_DELETE, gone=ctes(*gone), rows=union_all(rows), sums=listed(f"sum({name})::bigint AS {name}" for name in SUMMED))


@composed
def shrink_sessions() -> str:
    """Takes what is in `gone` out of the sessions of session_ids, whose rows and facts are deleted already."""
    sums = []
    for name in SUMMED:
        own = f"CASE WHEN s.{FROM_SNAPSHOT[name]} THEN 0 ELSE coalesce(s.{name}, 0) END" if name in FROM_SNAPSHOT else f"s.{name}"
        sums.append(f"{own} - coalesce(g.{name}, 0) AS {name}")
    sums[SUMMED.index("files_modified")] = "(SELECT count(*) FROM session_files AS f WHERE f.session_id = s.session_id) AS files_modified"
    return sql(
        _SHRINK,
        gone_sums=listed(f"sum({name})::bigint AS {name}" for name in SUMMED),
        columns=listed(f"{name} bigint" for name in SUMMED),
        around=union_all([*(sql(_AROUND, table=table.name) for table in _COUNTED), sql(_AROUND, table="session_events")]),
        has_rows=" OR ".join(sql(_HAS_ROWS, table=table.name) for table in _COUNTED),
        sums=listed(sums),
        times=union_all([*(sql(_TIMES_OF_TABLE, table=table.name) for table in _COUNTED), _TIMES_OF_EVENTS]),
        changed=sql(CHANGED),
    )


def withdraw_rows(
    connection: Connection[Any],
    *,
    session_ids: Collection[str],
    row_ids: Collection[UUID],
    fact_ids: Collection[UUID] = (),
    idle_gap: timedelta,
) -> None:
    """In the caller's transaction, which has writing exclusively. `session_ids`: of the rows and facts."""
    parameters: dict[str, Any] = {
        "session_ids": sorted(session_ids),
        "row_ids": list(row_ids),
        "fact_ids": list(fact_ids),
        "idle_gap": idle_gap,
    }
    connection.execute(LOCK_SESSIONS, parameters)
    with connection.cursor(row_factory=dict_row) as cursor:
        gone: list[dict[str, Any]] = cursor.execute(_DELETE_FACTS, parameters).fetchall()
        [moving] = cursor.execute(reattribution.sessions_to_move(), parameters).fetchall()
        parameters["whole_ids"] = moving["array_agg"] or []
        with reattribution.reattributed(connection, parameters) as projects:
            rows = cursor.execute(delete_rows(), parameters).fetchall()
            parameters["file_keys"] = sorted({key for row in rows for key in row.pop("file_keys") or []})
            for statement in (_DELETE_SESSION_FILES, _DELETE_FILES):
                cursor.execute(statement, parameters)
            cursor.execute(shrink_sessions(), parameters | {"gone": Jsonb(gone + rows)})
    date_projects(connection, projects)
