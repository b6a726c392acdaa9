"""A session made again from its rows and facts alone: for undo and for forked copies, and to verify that adding up has gone right.

Sums up by the same text that persisting adds up by.
"""

from typing import Any

from psycopg import Connection

from services.worker.sessions import session_totals

_TABLES = ("messages", "tool_calls", "activities", "api_calls", "session_files")


def from_rows(condition: str) -> str:
    """A SELECT of `merged` (see fold_sessions.CHANGED), one row a session that has rows or facts. `condition` is on session_id."""

    def of(table: str) -> str:
        return f"(SELECT * FROM {table} WHERE {condition}) AS {table}"

    events = [*session_totals.adds_of_rows(*map(of, _TABLES)), session_totals.adds_of_session_events(of("session_events"))]
    facts = f"(SELECT * FROM session_facts WHERE {condition})"
    none = session_totals.adds(f"{facts} AS facts", "NULL", {})
    return f"""
        SELECT session_id, d.started_at, greatest(d.ended_at, f.ended_at) AS ended_at, least(d.first_event_at, f.first_event_at) AS first_event_at,
               greatest(d.last_event_at, f.last_event_at) AS last_event_at, d.active_ranges + coalesce(f.active_ranges, '{{}}') AS active_ranges,
               {", ".join(f"d.{name}" for name in session_totals.SUMMED)}, f.snapshot
        FROM ({session_totals.per_session(" UNION ALL ".join([*events, none]))}) AS d
        LEFT JOIN ({session_totals.facts_per_session(facts)}) AS f USING (session_id)"""


# One that has nothing left counts for nothing, until something comes again.
_REMAKE = f"""
    WITH merged AS (
        SELECT s.session_id, r.session_id IS NOT NULL AS counted, r.started_at, r.ended_at, r.first_event_at, r.last_event_at,
               coalesce(r.active_ranges, '{{}}') AS active_ranges, {", ".join(f"coalesce(r.{name}, 0) AS {name}" for name in session_totals.SUMMED)}, r.snapshot
        FROM sessions AS s LEFT JOIN ({from_rows("session_id = ANY(%(session_ids)s)")}) AS r USING (session_id) WHERE s.session_id = ANY(%(session_ids)s)
    ), {session_totals.CHANGED}
    SELECT count(*) FROM changed WHERE (after).counted AND NOT (before).counted"""

# A session that nobody speaks of any more. One that ingest has handed out a moment ago is not counted yet, but has a project, and stays. So does
# one that live events named, though all of its rows are another's: they may come back.
FORGET = """
    DELETE FROM sessions AS s WHERE session_id = ANY(%(session_ids)s) AND (counted OR project_id = 0) AND NOT seen_live
      AND NOT EXISTS (SELECT FROM session_events AS e WHERE e.session_id = s.session_id)
      AND NOT EXISTS (SELECT FROM session_facts AS e WHERE e.session_id = s.session_id)
      AND NOT EXISTS (SELECT FROM messages AS e WHERE e.session_id = s.session_id)
      AND NOT EXISTS (SELECT FROM tool_calls AS e WHERE e.session_id = s.session_id)
      AND NOT EXISTS (SELECT FROM activities AS e WHERE e.session_id = s.session_id)
      AND NOT EXISTS (SELECT FROM api_calls AS e WHERE e.session_id = s.session_id)"""

_FORGET_FILES = """
    DELETE FROM session_files AS f WHERE session_id = ANY(%(session_ids)s)
      AND NOT EXISTS (SELECT FROM activities AS a WHERE a.session_id = f.session_id AND a.file_key = f.file_key)"""
_FILES = """
    INSERT INTO session_files (session_id, file_key)
    SELECT DISTINCT session_id, file_key FROM activities WHERE session_id = ANY(%(session_ids)s) ORDER BY 1, 2
    ON CONFLICT DO NOTHING"""


def remake(connection: Connection[Any], parameters: dict[str, Any]) -> int:
    """Makes sessions again after rows were taken from them or given to them; gives how many are counted only now.

    `parameters`: session_ids (their rows locked by the caller), idle_gap.
    """
    for statement in (_FORGET_FILES, _FILES):
        connection.execute(statement, parameters)
    [(newly_counted,)] = connection.execute(_REMAKE.encode(), parameters).fetchall()
    return int(newly_counted)
