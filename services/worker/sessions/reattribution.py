"""Sessions under other keys or with other rows: what they had counted for is withdrawn, they are changed, and it is counted again.

Usually a session's start is read before its events. When it is not, the events were stored and counted under "not known"; when the start comes, they
move. The same way is taken by forked copies that turn out to belong to another session (copies.py), and by an undo (undo.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from services.worker import lock_order
from services.worker.aggregates import contributions, rollups

# The earliest start that names it decides, whatever the order of arrival; without one, what a file's earliest record says; else what is known stays.
_FIRST_OF_STARTS = ", ".join(
    f"(array_agg({name} ORDER BY occurred_at, id) FILTER (WHERE {known}))[1] AS {name}"
    for name, known in (
        ("project_id", "project_id <> 0"), ("user_id", "user_id <> 0"), ("model", "model IS NOT NULL"), ("git_branch", "git_branch IS NOT NULL"),
        ("client_version", "client_version IS NOT NULL"), ("source", "source IS NOT NULL"),
    )
)  # fmt: skip
_FIRST_OF_FACTS = ", ".join(
    f"(array_agg({name} ORDER BY coalesce(first_record_at, ended_at), source, id) FILTER (WHERE {known}))[1] AS {name}"
    for name, known in (
        ("project_id", "project_id <> 0"), ("user_id", "user_id <> 0"), ("model", "model IS NOT NULL"), ("git_branch", "git_branch IS NOT NULL"),
        ("client_version", "client_version IS NOT NULL"), ("source", "true"), ("parent_session_id", "parent_session_id IS NOT NULL"),
    )
)  # fmt: skip
_SETTLED = """
    SELECT s.session_id, s.counted,
           coalesce(k.project_id, f.project_id, nullif({s}.project_id, 0), 0) AS project_id,
           coalesce(k.user_id, f.user_id, nullif({s}.user_id, 0), 0) AS user_id, coalesce(k.model, f.model, {s}.model) AS model,
           coalesce(k.git_branch, f.git_branch, s.git_branch) AS git_branch,
           coalesce(k.client_version, f.client_version, s.client_version) AS client_version, coalesce(k.source, f.source, s.source) AS source,
           f.parent_session_id, f.title
    FROM sessions AS s
    LEFT JOIN (
        SELECT session_id, {starts}
        FROM session_events WHERE kind = 'start' AND session_id = ANY(%(session_ids)s) GROUP BY session_id
    ) AS k USING (session_id)
    LEFT JOIN (
        SELECT session_id, {facts},
               (array_agg(title ORDER BY title_rank DESC, coalesce(last_record_at, ended_at) DESC NULLS LAST, title) FILTER (WHERE title IS NOT NULL))[1] AS title
        FROM session_facts WHERE session_id = ANY(%(session_ids)s) GROUP BY session_id
    ) AS f USING (session_id)
    CROSS JOIN (SELECT 0::bigint AS project_id, 0::bigint AS user_id, NULL::text AS model) AS nothing
    WHERE s.session_id = ANY(%(session_ids)s)"""
SETTLED = _SETTLED.format(s="s", starts=_FIRST_OF_STARTS, facts=_FIRST_OF_FACTS)
# If what only the session itself knows were forgotten.
_FORGOTTEN = _SETTLED.format(s="nothing", starts=_FIRST_OF_STARTS, facts=_FIRST_OF_FACTS)

# The model is a key only where a session counts for tokens itself.
_MOVING = """
    SELECT array_agg(k.session_id) FROM ({settled}) AS k JOIN sessions AS s USING (session_id)
    WHERE k.counted AND ((k.project_id, k.user_id) <> (s.project_id, s.user_id) OR s.usage_from_snapshot AND k.model IS DISTINCT FROM s.model)"""
MOVING = _MOVING.format(settled=SETTLED)
MOVING_IF_FORGOTTEN = _MOVING.format(settled=_FORGOTTEN)

SETTLE = f"""
    UPDATE sessions AS s SET project_id = k.project_id, user_id = k.user_id, model = k.model, git_branch = k.git_branch,
           client_version = k.client_version, source = k.source, parent_session_id = k.parent_session_id, title = k.title
    FROM ({SETTLED}) AS k WHERE s.session_id = k.session_id"""


# Of the sessions themselves always; of their rows those that change, which are all where the session's keys change.
_ROWS = "(id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))"


def _moving(table: str) -> str:
    return f"(SELECT * FROM {table} WHERE {'session_id = ANY(%(session_ids)s)' if table == 'sessions' else _ROWS}) AS moving"


def _contributions(sign: str) -> str:
    deltas = contributions.delta_ctes(**contributions.of_rows(_moving, sign))
    return f"WITH {deltas}, {NO_ACTIVE_DELTAS}, {rollups.TAKE_AWAY}"


NO_ACTIVE_DELTAS = (
    "active_deltas AS (SELECT 0::bigint AS project_id, 0::bigint AS user_id, now() AS bucket_start, 0::bigint AS active_us WHERE false)"
)
WITHDRAW = _contributions("-")
CONTRIBUTE = _contributions("+")

MOVE_ROWS = [
    f"UPDATE {table} AS t SET project_id = s.project_id, user_id = s.user_id FROM sessions AS s "
    "WHERE (t.id = ANY(%(row_ids)s::uuid[]) OR t.session_id = ANY(%(whole_ids)s)) AND t.session_id = s.session_id "
    "AND (t.project_id, t.user_id) <> (s.project_id, s.user_id)"
    for table in ("messages", "tool_calls", "activities", "api_calls")
]

# A withdrawn call may have been the slowest or the last one of its cells; those two are looked up again: of a project, user and day in the rows, of
# more than one in the cells of each, of weeks in those of their days, of all time in those of the weeks.
KEEP_TOOLS = f"""
    INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms)
    SELECT project_id, user_id, tool_name, occurred_at, duration_ms FROM tool_calls WHERE {_ROWS}"""
KEEP_SLOWER = """
    INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms)
    SELECT t.project_id, t.user_id, t.tool_name, t.occurred_at, t.duration_ms
    FROM staged_tool_calls AS s JOIN tool_calls AS t USING (id) WHERE t.duration_ms > coalesce(s.duration_ms, -1)"""
_LOOK_UP = """
    UPDATE tool_rollups AS r SET (max_ms, last_used_at) = ({found})
    FROM (SELECT {project} AS project_id, {user} AS user_id, tool_name, bucket_of(occurred_at, {grain}) AS bucket_start,
                 max(duration_ms) AS max_ms, max(occurred_at) AS last_used_at
          FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
    WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, {grain}, m.bucket_start, m.tool_name)
      AND (r.max_ms <= m.max_ms OR r.last_used_at <= m.last_used_at)"""
_IN_ROWS = """
        SELECT max(duration_ms), max(occurred_at) FROM tool_calls AS t
        WHERE t.project_id = r.project_id AND t.user_id = r.user_id AND t.tool_name = r.tool_name
          AND t.occurred_at BETWEEN r.bucket_start AND r.bucket_start + interval '1 day' - interval '1 microsecond'"""
# One after the other: the index begins with projects, then users.
_IN_CELLS_OF = """
        SELECT max(c.max_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM {each}) AS e, LATERAL (
            SELECT * FROM tool_rollups AS c
            WHERE c.project_id = {project} AND c.user_id = {user} AND c.grain_minutes = 1440 AND c.bucket_start = r.bucket_start
              AND c.tool_name = r.tool_name) AS c"""
_IN_CELLS_BELOW = """
        SELECT max(c.max_ms), max(c.last_used_at) FROM tool_rollups AS c
        WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = {below} AND c.tool_name = r.tool_name {within}"""
_IN_DAYS = _IN_CELLS_BELOW.format(below=1440, within="AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'")
_IN_WEEKS = _IN_CELLS_BELOW.format(below=rollups.WEEK, within="")
_CUBE = (("project_id", "user_id"), ("project_id", "-1"), ("-1", "user_id"), ("-1", "-1"))
_IN_DAY = (
    _IN_ROWS,
    _IN_CELLS_OF.format(each="users", project="r.project_id", user="e.id"),
    _IN_CELLS_OF.format(each="projects", project="e.id", user="r.user_id"),
    _IN_CELLS_OF.format(each="users", project="-1", user="e.id"),
)
LOOK_UP_MAXIMA = (
    *(_LOOK_UP.format(found=found, project=project, user=user, grain=1440) for (project, user), found in zip(_CUBE, _IN_DAY, strict=True)),
    *(
        _LOOK_UP.format(found=found, project=project, user=user, grain=grain)
        for grain, found in ((rollups.WEEK, _IN_DAYS), (0, _IN_WEEKS))
        for project, user in _CUBE
    ),
)

# Only days in which a session's active time is another one than before are made again, under the old keys and the new.
_ACTIVE = """
    SELECT session_id, project_id, user_id, CASE WHEN counted THEN without_gap(active_ranges, %(idle_gap)s) ELSE '{}' END AS ranges
    FROM sessions WHERE session_id = ANY(%(session_ids)s)"""
KEEP_SESSIONS = f"INSERT INTO moving_sessions (session_id, project_id, user_id, ranges) {_ACTIVE}"
KEEP_DAYS = f"""
    INSERT INTO moving_days (project_id, user_id, day)
    SELECT DISTINCT k.project_id, d.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
    FROM (
        SELECT b.project_id, b.user_id, b.ranges - coalesce(a.ranges, '{{}}') AS ranges
        FROM moving_sessions AS b LEFT JOIN ({_ACTIVE}) AS a USING (session_id, project_id, user_id)
        UNION ALL
        SELECT a.project_id, a.user_id, a.ranges - coalesce(b.ranges, '{{}}')
        FROM ({_ACTIVE}) AS a LEFT JOIN moving_sessions AS b USING (session_id, project_id, user_id)
    ) AS d, cut_at_buckets(d.ranges, 1440) AS c, LATERAL (VALUES (d.project_id), (-1)) AS k (project_id)"""

# A union cannot be subtracted from: the days are made again from the sessions. First every row is there and locked, so that none that
# another transaction is just adding to is overlooked.
MAKE_DAYS = """
    INSERT INTO active_days (project_id, user_id, day, ranges) SELECT DISTINCT project_id, user_id, day, '{}'::tstzmultirange FROM moving_days ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING"""
LOCK_DAYS = """
    SELECT FROM active_days WHERE (project_id, user_id, day) IN (SELECT project_id, user_id, day FROM moving_days)
    ORDER BY project_id, user_id, day FOR UPDATE"""
REBUILD_DAYS = f"""
    WITH rebuilt AS (
        UPDATE active_days AS d SET ranges = coalesce((
            SELECT range_agg(without_gap(s.active_ranges, %(idle_gap)s) * tstzmultirange(b.day))
            FROM sessions AS s
            WHERE s.counted AND s.user_id = d.user_id AND (d.project_id = -1 OR s.project_id = d.project_id)
              AND s.dated_at < upper(b.day) AND s.last_event_at >= lower(b.day) AND s.active_ranges && b.day), '{{}}')
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
    {contributions.delta_ctes(**contributions.of_rows(lambda table: f"(SELECT * FROM {table} WHERE false) AS none", "+"))}, {rollups.TAKE_AWAY}"""
DELETE_EMPTY_DAYS = """
    DELETE FROM active_days AS d USING (SELECT DISTINCT project_id, user_id, day FROM moving_days) AS m
    WHERE (d.project_id, d.user_id, d.day) = (m.project_id, m.user_id, m.day) AND isempty(d.ranges)"""

_PROJECTS = "SELECT DISTINCT project_id FROM sessions WHERE session_id = ANY(%(session_ids)s)"


@contextmanager
def reworked(connection: Connection[Any], parameters: dict[str, Any]) -> Iterator[set[int]]:
    """Withdraws what sessions count for, lets the caller change their rows, and counts them again under the keys that now are theirs.

    `parameters`: session_ids (their rows locked by the caller), idle_gap. Where not all rows of the sessions change: row_ids, and whole_ids, the
    sessions all of whose rows do. The set is, at the end, the projects that the sessions were or are in.
    """
    parameters = {"row_ids": [], "whole_ids": parameters["session_ids"]} | parameters
    lock_order.lock_aggregates_exclusive(connection)
    projects = {row[0] for row in connection.execute(_PROJECTS, parameters)}
    connection.execute(KEEP_SESSIONS, parameters)
    connection.execute(KEEP_TOOLS, parameters)
    connection.execute(WITHDRAW.encode(), parameters)
    yield projects
    connection.execute(SETTLE.encode(), parameters)
    for statement in MOVE_ROWS:
        connection.execute(statement.encode(), parameters)
    connection.execute(CONTRIBUTE.encode(), parameters)
    # Before their maxima are looked up, which would write them again elsewhere.
    delete_emptied(connection)
    look_up_maxima(connection)
    connection.execute(KEEP_DAYS.encode(), parameters)
    connection.execute(MAKE_DAYS)
    connection.execute(LOCK_DAYS)
    connection.execute(REBUILD_DAYS.encode(), parameters)
    connection.execute(DELETE_EMPTY_DAYS)
    delete_emptied(connection)
    connection.execute("DELETE FROM moving_days; DELETE FROM moving_tools; DELETE FROM moving_sessions")
    projects |= {row[0] for row in connection.execute(_PROJECTS, parameters)}


def delete_emptied(connection: Connection[Any]) -> None:
    """Cells that roll_up.TAKE_AWAY has left nothing in. Only where nobody else adds to cells: alone or moving."""
    for statement in rollups.DELETE_EMPTIED:
        connection.execute(statement.encode())
    connection.execute("DELETE FROM emptied_cells")


def settle_keys(connection: Connection[Any], parameters: dict[str, Any]) -> set[int]:
    """Gives the batch's sessions the project and user that their starts and facts name, and moves what was stored under others.

    `parameters` as of reworked(). Gives the projects that lost or won a session.
    """
    found = connection.execute(MOVING.encode(), parameters).fetchone()
    assert found is not None
    projects: set[int] = set()
    if found[0]:
        with reworked(connection, parameters | {"session_ids": found[0]}) as projects:
            # Nothing but their keys changes.
            pass
    connection.execute(SETTLE.encode(), parameters)
    return projects


def look_up_maxima(connection: Connection[Any]) -> None:
    """The slowest and the last call of each cell that a call of moving_tools was in."""
    for statement in LOOK_UP_MAXIMA:
        connection.execute(statement.encode())
