"""Moves what sessions count for: their contributions are withdrawn, their keys or rows change, and they are contributed again.

Usually a session's start is stored before its rows. Otherwise the rows were counted under "not known", and move when the start comes. Forked copies
that turn out to belong to another session (fork_ownership.py), and an undo, take the same way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from services.worker import lock_order
from services.worker.aggregates.registry import composed
from services.worker.aggregates.rollups import delete_emptied, rollups_that_note_emptied_cells
from services.worker.row_tables import ROW_TABLES, for_each
from services.worker.sessions.session_titles import update_titles
from services.worker.sessions.tool_maxima import look_up_maxima
from services.worker.sql_text import ctes, listed, sql

# The earliest start that names a key decides, whatever the order of arrival; without one, the earliest record of a file; else what is known stays.
# What a hook says of a session counts where no file says it.
# $known is the session itself, or `nothing` to forget what only the session knows.
_KEYS = """
    SELECT s.session_id, s.counted,
           coalesce(k.project_id, f.project_id, nullif($known.project_id, 0), 0) AS project_id,
           coalesce(k.user_id, f.user_id, nullif($known.user_id, 0), 0) AS user_id,
           coalesce(k.model, f.model, $known.model) AS model,
           coalesce(k.git_branch, f.git_branch, s.git_branch) AS git_branch,
           coalesce(k.client_version, f.client_version, s.client_version) AS client_version,
           coalesce(k.source, f.source, s.source) AS source,
           f.parent_session_id, f.end_reason
    FROM sessions AS s
    LEFT JOIN (
        SELECT session_id,
               (array_agg(project_id ORDER BY occurred_at, id) FILTER (WHERE project_id <> 0))[1] AS project_id,
               (array_agg(user_id ORDER BY occurred_at, id) FILTER (WHERE user_id <> 0))[1] AS user_id,
               (array_agg(model ORDER BY occurred_at, id) FILTER (WHERE model IS NOT NULL))[1] AS model,
               (array_agg(git_branch ORDER BY occurred_at, id) FILTER (WHERE git_branch IS NOT NULL))[1] AS git_branch,
               (array_agg(client_version ORDER BY occurred_at, id) FILTER (WHERE client_version IS NOT NULL))[1] AS client_version,
               (array_agg(source ORDER BY occurred_at, id) FILTER (WHERE source IS NOT NULL))[1] AS source
        FROM session_events WHERE kind = 'start' AND session_id = ANY(%(session_ids)s) GROUP BY session_id
    ) AS k USING (session_id)
    LEFT JOIN (
        SELECT session_id,
               (array_agg(project_id ORDER BY is_hook, at, source, id) FILTER (WHERE project_id <> 0))[1] AS project_id,
               (array_agg(user_id ORDER BY is_hook, at, source, id) FILTER (WHERE user_id <> 0))[1] AS user_id,
               (array_agg(model ORDER BY is_hook, at, source, id) FILTER (WHERE model IS NOT NULL))[1] AS model,
               (array_agg(git_branch ORDER BY is_hook, at, source, id) FILTER (WHERE git_branch IS NOT NULL))[1] AS git_branch,
               (array_agg(client_version ORDER BY is_hook, at, source, id) FILTER (WHERE client_version IS NOT NULL))[1] AS client_version,
               (array_agg(source ORDER BY is_hook, at, source, id))[1] AS source,
               (array_agg(parent_session_id ORDER BY is_hook, at, source, id) FILTER (WHERE parent_session_id IS NOT NULL))[1] AS parent_session_id,
               (array_agg(end_reason ORDER BY ended_at DESC, end_reason) FILTER (WHERE end_reason IS NOT NULL))[1] AS end_reason
        FROM (SELECT *, coalesce(first_record_at, ended_at) AS at, source = 'hook' AS is_hook
              FROM session_facts WHERE session_id = ANY(%(session_ids)s)) AS facts
        GROUP BY session_id
    ) AS f USING (session_id)
    CROSS JOIN (SELECT 0::bigint AS project_id, 0::bigint AS user_id, NULL::text AS model) AS nothing
    WHERE s.session_id = ANY(%(session_ids)s)"""

# The model is a key only where a session counts for tokens itself.
_SESSIONS_TO_MOVE = """
    SELECT array_agg(k.session_id)
    FROM (
        $keys
    ) AS k JOIN sessions AS s USING (session_id)
    WHERE k.counted AND ((k.project_id, k.user_id) <> (s.project_id, s.user_id) OR s.usage_from_snapshot AND k.model IS DISTINCT FROM s.model)"""

_UPDATE_KEYS = """
    UPDATE sessions AS s SET project_id = k.project_id, user_id = k.user_id, model = k.model, git_branch = k.git_branch,
           client_version = k.client_version, source = k.source, parent_session_id = k.parent_session_id, end_reason = k.end_reason
    FROM (
        $keys
    ) AS k WHERE s.session_id = k.session_id"""

# The sessions always; their rows only where they change, which is all of them where the session's keys change.
_MOVING_ROWS = """
    $relation AS (
        SELECT $columns
        FROM $table WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))
    )"""
_MOVING_SESSIONS = "$relation AS (SELECT * FROM sessions WHERE session_id = ANY(%(session_ids)s))"

_MOVE_ROWS = """
    UPDATE $table AS t SET project_id = s.project_id, user_id = s.user_id FROM sessions AS s
    WHERE (t.id = ANY(%(row_ids)s::uuid[]) OR t.session_id = ANY(%(whole_ids)s)) AND t.session_id = s.session_id
      AND (t.project_id, t.user_id) <> (s.project_id, s.user_id)"""

# Rows that count for nothing do not make their session count, so it is not among those that move.
_MOVE_ROWS_OF_UNCOUNTED = """
    UPDATE $table AS t SET project_id = s.project_id, user_id = s.user_id FROM sessions AS s
    WHERE s.session_id = ANY(%(session_ids)s) AND NOT s.counted AND t.session_id = s.session_id
      AND (t.project_id, t.user_id) <> (s.project_id, s.user_id)"""

_KEEP_TOOLS = """
    INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms, duration_source)
    SELECT project_id, user_id, tool_name, occurred_at, duration_ms, duration_source FROM tool_calls
    WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))"""

# Only the days in which a session's active time changes are made again, under the old keys and the new.
_KEEP_SESSIONS = """
    INSERT INTO moving_sessions (session_id, project_id, user_id, ranges)
    SELECT session_id, project_id, user_id, CASE WHEN counted THEN without_gap(active_ranges, %(idle_gap)s) ELSE '{}' END AS ranges
    FROM sessions WHERE session_id = ANY(%(session_ids)s)"""
_KEEP_DAYS = """
    WITH after AS (
        SELECT session_id, project_id, user_id, CASE WHEN counted THEN without_gap(active_ranges, %(idle_gap)s) ELSE '{}' END AS ranges
        FROM sessions WHERE session_id = ANY(%(session_ids)s)
    )
    INSERT INTO moving_days (project_id, user_id, day)
    SELECT DISTINCT k.project_id, d.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
    FROM (
        SELECT b.project_id, b.user_id, b.ranges - coalesce(a.ranges, '{}') AS ranges
        FROM moving_sessions AS b LEFT JOIN after AS a USING (session_id, project_id, user_id)
        UNION ALL
        SELECT a.project_id, a.user_id, a.ranges - coalesce(b.ranges, '{}')
        FROM after AS a LEFT JOIN moving_sessions AS b USING (session_id, project_id, user_id)
    ) AS d, cut_at_buckets(d.ranges, 1440) AS c, LATERAL (VALUES (d.project_id), (-1)) AS k (project_id)"""

# A union cannot be subtracted from, so the days are made again from the sessions. First every row is made and locked, so that no row is overlooked
# that another transaction is just adding to.
_INSERT_DAYS = """
    INSERT INTO active_days (project_id, user_id, day, ranges) SELECT DISTINCT project_id, user_id, day, '{}'::tstzmultirange FROM moving_days ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING"""
_LOCK_DAYS = """
    SELECT FROM active_days WHERE (project_id, user_id, day) IN (SELECT project_id, user_id, day FROM moving_days)
    ORDER BY project_id, user_id, day FOR UPDATE"""
_REBUILD_DAYS = """
    WITH rebuilt AS (
        UPDATE active_days AS d SET ranges = coalesce((
            SELECT range_agg(without_gap(s.active_ranges, %(idle_gap)s) * tstzmultirange(b.day))
            FROM sessions AS s
            WHERE s.counted AND s.user_id = d.user_id AND (d.project_id = -1 OR s.project_id = d.project_id)
              AND s.dated_at < upper(b.day) AND s.last_event_at >= lower(b.day) AND s.active_ranges && b.day), '{}')
        FROM (SELECT DISTINCT project_id, user_id, day AS date, tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC') AS day
              FROM moving_days) AS b
        WHERE (d.project_id, d.user_id, d.day) = (b.project_id, b.user_id, b.date)
        RETURNING new.project_id, new.user_id, old.ranges AS before, new.ranges AS after
    ),
    active_deltas AS (
        SELECT project_id, user_id, c.bucket_start, sum(sign * microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
        FROM (SELECT project_id, user_id, 1 AS sign, after - before AS ranges FROM rebuilt
              UNION ALL SELECT project_id, user_id, -1, before - after FROM rebuilt) AS moved, cut_at_buckets(ranges, 15) AS c
        GROUP BY 1, 2, 3
    ),
    $rollups"""
_DELETE_EMPTY_DAYS = """
    DELETE FROM active_days AS d USING (SELECT DISTINCT project_id, user_id, day FROM moving_days) AS m
    WHERE (d.project_id, d.user_id, d.day) = (m.project_id, m.user_id, m.day) AND isempty(d.ranges)"""

_PROJECTS = "SELECT DISTINCT project_id FROM sessions WHERE session_id = ANY(%(session_ids)s)"


@composed
def sessions_to_move() -> str:
    """Gives which of session_ids count under other keys than their starts and facts name."""
    return sql(_SESSIONS_TO_MOVE, keys=sql(_KEYS, known="s"))


@composed
def sessions_to_move_if_forgotten() -> str:
    """The same, if what only the session itself knows were forgotten."""
    return sql(_SESSIONS_TO_MOVE, keys=sql(_KEYS, known="nothing"))


@composed
def update_keys() -> str:
    """Gives the sessions of session_ids the keys that their starts and facts name."""
    return sql(_UPDATE_KEYS, keys=sql(_KEYS, known="s"))


@composed
def withdraw() -> str:
    """Takes what sessions and rows count for out of the aggregates."""
    return _contributions("gone")


@composed
def contribute() -> str:
    """Adds it again."""
    return _contributions("new")


def _contributions(age: str) -> str:
    rows = [
        sql(_MOVING_ROWS, relation=f"{age}_{table.name}", table=table.name, columns=listed(table.columns)) for table in ROW_TABLES.values()
    ]
    relations = {f"{age}_{table}" for table in (*ROW_TABLES, "sessions")}
    return f"WITH {ctes(*rows, sql(_MOVING_SESSIONS, relation=f'{age}_sessions'), rollups_that_note_emptied_cells(relations))}"


@composed
def rebuild_days() -> str:
    """Makes the days of moving_days again, and moves the aggregates by the difference."""
    return sql(_REBUILD_DAYS, rollups=rollups_that_note_emptied_cells({"active_deltas"}))


@contextmanager
def reattributed(connection: Connection[Any], parameters: dict[str, Any]) -> Iterator[set[int]]:
    """Withdraws what sessions count for, lets the caller change their rows, and contributes it again under their keys.

    `parameters`: session_ids (their rows locked by the caller), idle_gap. Where not all rows of the sessions change: row_ids, and whole_ids, the
    sessions all of whose rows do. At the end the set has the projects that the sessions were in or are in.
    """
    parameters = {"row_ids": [], "whole_ids": parameters["session_ids"]} | parameters
    lock_order.lock_aggregates_exclusive(connection)
    projects = {row[0] for row in connection.execute(_PROJECTS, parameters)}
    connection.execute(_KEEP_SESSIONS, parameters)
    connection.execute(_KEEP_TOOLS, parameters)
    connection.execute(withdraw(), parameters)
    yield projects
    update_session_rows(connection, parameters)
    connection.execute(contribute(), parameters)
    # Before the maxima are looked up, which writes the cells again elsewhere.
    delete_emptied_cells(connection)
    look_up_maxima(connection)
    connection.execute(_KEEP_DAYS, parameters)
    connection.execute(_INSERT_DAYS)
    connection.execute(_LOCK_DAYS)
    connection.execute(rebuild_days(), parameters)
    connection.execute(_DELETE_EMPTY_DAYS)
    delete_emptied_cells(connection)
    connection.execute("DELETE FROM moving_days; DELETE FROM moving_tools; DELETE FROM moving_sessions")
    projects |= {row[0] for row in connection.execute(_PROJECTS, parameters)}


def update_session_rows(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    """Gives sessions the keys that their starts and facts name, their rows the sessions' project and user, and titles. Moves no aggregates."""
    connection.execute(update_keys(), parameters)
    update_titles(connection, parameters["session_ids"])
    for statement in for_each(_MOVE_ROWS):
        connection.execute(statement, parameters)


def delete_emptied_cells(connection: Connection[Any]) -> None:
    """Deletes the cells that were noted as empty. Only under one of the exclusive locks of lock_order."""
    for statement in delete_emptied():
        connection.execute(statement)


def update_session_keys(connection: Connection[Any], parameters: dict[str, Any]) -> set[int]:
    """Gives the batch's sessions the project and user that their starts and facts name, and moves what was stored under others.

    `parameters` as in reattributed(). Returns the projects that lost or won a session.
    """
    [(session_ids,)] = connection.execute(sessions_to_move(), parameters).fetchall()
    projects: set[int] = set()
    if session_ids:
        with reattributed(connection, parameters | {"session_ids": session_ids}) as projects:
            # Nothing but the keys changes.
            pass
    connection.execute(update_keys(), parameters)
    for table in ROW_TABLES.values():
        if not table.counts:
            connection.execute(sql(_MOVE_ROWS_OF_UNCOUNTED, table=table.name).encode(), parameters)
    return projects
