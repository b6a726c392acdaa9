"""Sessions recomputed from their rows and facts: for undo and forked copies, and to verify that adding up went right.

Uses the text that persisting uses, over all rows instead of new ones.
"""

from typing import Any

from psycopg import Connection

from services.worker.aggregates.registry import composed
from services.worker.row_tables import ROW_TABLES, for_all
from services.worker.sessions.session_totals import CHANGED, SUMMED, per_session
from services.worker.sql_text import ctes, listed, sql

_ROWS = """
    new_$table AS (
        SELECT $columns
        FROM $table WHERE $condition
    )"""
_OTHER_ROWS = """
    new_session_files AS (SELECT session_id, file_key FROM session_files WHERE $condition),
    new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE $condition),
    new_facts AS NOT MATERIALIZED (SELECT * FROM session_facts WHERE $condition)"""

# A session without rows and facts is not counted until there is something again.
_REBUILD = """
    WITH $rows,
    merged AS (
        SELECT s.session_id, d.session_id IS NOT NULL AS counted, d.started_at, greatest(d.ended_at, f.ended_at) AS ended_at,
               least(d.first_event_at, f.first_event_at) AS first_event_at, greatest(d.last_event_at, f.last_event_at) AS last_event_at,
               coalesce(d.active_ranges, '{}') + coalesce(f.active_ranges, '{}') AS active_ranges,
               $sums, f.snapshot
        FROM sessions AS s LEFT JOIN per_session AS d USING (session_id) LEFT JOIN facts_per_session AS f USING (session_id)
        WHERE s.session_id = ANY(%(session_ids)s)
    ),
    $changed
    SELECT count(*) FROM changed WHERE (after).counted AND NOT (before).counted"""

_ALL_SESSIONS = """
    WITH $rows
    SELECT session_id, d.started_at, greatest(d.ended_at, f.ended_at) AS ended_at, least(d.first_event_at, f.first_event_at) AS first_event_at,
           greatest(d.last_event_at, f.last_event_at) AS last_event_at, d.active_ranges + coalesce(f.active_ranges, '{}') AS active_ranges,
           $sums, f.snapshot
    FROM per_session AS d LEFT JOIN facts_per_session AS f USING (session_id)"""

# A session that ingest has just handed out is not counted yet, but has a project, and stays. So does a session that live events named, although
# all of its rows belong to another session now: they may come back.
_DELETE_EMPTY = """
    DELETE FROM sessions AS s WHERE session_id = ANY(%(session_ids)s) AND (counted OR project_id = 0) AND NOT seen_live
      AND NOT EXISTS (SELECT FROM session_events AS e WHERE e.session_id = s.session_id)
      AND NOT EXISTS (SELECT FROM session_facts AS e WHERE e.session_id = s.session_id)
      AND $has_no_rows"""
_HAS_NO_ROWS = "NOT EXISTS (SELECT FROM $table AS e WHERE e.session_id = s.session_id)"

_DELETE_SESSION_FILES = """
    DELETE FROM session_files AS f WHERE session_id = ANY(%(session_ids)s)
      AND NOT EXISTS (SELECT FROM activities AS a WHERE a.session_id = f.session_id AND a.file_key = f.file_key)"""
_INSERT_SESSION_FILES = """
    INSERT INTO session_files (session_id, file_key)
    SELECT DISTINCT session_id, file_key FROM activities WHERE session_id = ANY(%(session_ids)s) ORDER BY 1, 2
    ON CONFLICT DO NOTHING"""


def all_sessions() -> str:
    """A SELECT of every session that has rows or facts, as it should be but for the choice between its own numbers and its snapshot's."""
    return sql(_ALL_SESSIONS, rows=_rows("session_id IS NOT NULL"), sums=listed(f"d.{name}" for name in SUMMED))


@composed
def rebuild_statement() -> str:
    """Recomputes the sessions of session_ids; gives how many are counted only now."""
    sums = listed(f"coalesce(d.{name}, 0) AS {name}" for name in SUMMED)
    return sql(_REBUILD, rows=_rows("session_id = ANY(%(session_ids)s)"), sums=sums, changed=sql(CHANGED))


@composed
def delete_empty_statement() -> str:
    """Deletes the sessions of session_ids that have neither rows nor facts."""
    return sql(_DELETE_EMPTY, has_no_rows=for_all(_HAS_NO_ROWS, joined_by="AND"))


def rebuild_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> int:
    """Recomputes sessions after their rows have changed; returns how many are counted only now.

    `parameters`: session_ids (their rows locked by the caller), idle_gap.
    """
    for statement in (_DELETE_SESSION_FILES, _INSERT_SESSION_FILES):
        connection.execute(statement, parameters)
    [(newly_counted,)] = connection.execute(rebuild_statement(), parameters).fetchall()
    return int(newly_counted)


def delete_empty_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    """`parameters`: session_ids."""
    connection.execute(delete_empty_statement(), parameters)


def _rows(condition: str) -> str:
    tables = (sql(_ROWS, table=table.name, columns=listed(table.columns), condition=condition) for table in ROW_TABLES.values())
    return ctes(*tables, sql(_OTHER_ROWS, condition=condition), per_session(has_gone=False))
