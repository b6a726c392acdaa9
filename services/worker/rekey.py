"""A session's project and user: found from its starts, and moved everywhere when they become known late or turn out to be others.

Usually a session's start is read before its events. When it is not, the events were stored and counted under "not known"; then their
contributions are withdrawn there and made again under the right keys.
"""

from typing import Any

from psycopg import Connection

from services.worker import aggregate

# The earliest start that names it decides, whatever the order of arrival; without one, what is known stays; else a snapshot says it.
SETTLED = """
    SELECT s.session_id, s.counted,
           coalesce(k.project_id, nullif(s.project_id, 0), n.project_id, 0) AS project_id, coalesce(k.user_id, nullif(s.user_id, 0), n.user_id, 0) AS user_id,
           coalesce(k.model, s.model, n.model) AS model, coalesce(k.git_branch, s.git_branch) AS git_branch,
           coalesce(k.client_version, s.client_version, n.client_version) AS client_version, coalesce(k.source, s.source, n.source) AS source
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
        SELECT session_id, min(p.id) AS project_id, min(u.id) AS user_id, max(model) AS model, max(client_version) AS client_version,
               'claude.json' AS source
        FROM staged_snapshots AS t LEFT JOIN projects AS p ON p.path_key = md5(t.project_path)::uuid LEFT JOIN users AS u ON u.name = t.user_name
        GROUP BY session_id
    ) AS n USING (session_id)
    WHERE s.session_id = ANY(%(session_ids)s)"""

MOVING = f"""
    SELECT array_agg(k.session_id), array_agg(DISTINCT s.project_id), array_agg(DISTINCT k.project_id), array_agg(DISTINCT s.user_id)
    FROM ({SETTLED}) AS k JOIN sessions AS s USING (session_id)
    WHERE k.counted AND (k.project_id, k.user_id) <> (s.project_id, s.user_id)"""

SETTLE = f"""
    UPDATE sessions AS s SET project_id = k.project_id, user_id = k.user_id, model = k.model, git_branch = k.git_branch,
           client_version = k.client_version, source = k.source
    FROM ({SETTLED}) AS k WHERE s.session_id = k.session_id"""


def _contributions(sign: str) -> str:
    def of(table: str) -> str:
        return f"(SELECT * FROM {table} WHERE session_id = ANY(%(moving)s)) AS moving"

    deltas = aggregate.delta_ctes(
        activity=[
            aggregate.of_messages(of("messages"), sign),
            aggregate.of_tool_calls(of("tool_calls"), sign),
            aggregate.of_activities(of("activities"), sign),
            aggregate.of_sessions(of("sessions"), sign),
        ],
        tools=[aggregate.to_tools(of("tool_calls"), sign)],
        files=[aggregate.to_files(of("activities"), sign)],
    )
    no_active_deltas = (
        "active_deltas AS (SELECT 0::bigint AS project_id, 0::bigint AS user_id, now() AS bucket_start, 0::bigint AS active_us WHERE false)"
    )
    return f"WITH {deltas}, {no_active_deltas}, {aggregate.ROLL_UP} SELECT 1"


WITHDRAW = _contributions("-")
CONTRIBUTE = _contributions("+")

MOVE_ROWS = [
    f"UPDATE {table} AS t SET project_id = s.project_id, user_id = s.user_id FROM sessions AS s "
    "WHERE s.session_id = ANY(%(moving)s) AND t.session_id = s.session_id"
    for table in ("messages", "tool_calls", "activities")
]

# A withdrawn call may have been the slowest or the last one of its cells; those two are looked up again, first from the calls of a project
# and user, then from the cells of these. What all of them have together is the same wherever a session belongs.
_TOUCHED = """
    SELECT DISTINCT tool_name, grain_minutes, bucket_of(occurred_at, grain_minutes) AS bucket_start
    FROM tool_calls, (VALUES (0), (1440), (10080)) AS g (grain_minutes) WHERE session_id = ANY(%(moving)s)"""
MAXIMA = [
    f"""
    UPDATE tool_rollups AS r SET (max_ms, last_used_at) = (
        SELECT max(duration_ms), max(occurred_at) FROM tool_calls AS t
        WHERE t.project_id = r.project_id AND t.user_id = r.user_id AND t.tool_name = r.tool_name
          AND bucket_of(t.occurred_at, r.grain_minutes) = r.bucket_start)
    WHERE r.project_id = ANY(%(old_project_ids)s) AND r.user_id = ANY(%(old_user_ids)s)
      AND (r.tool_name, r.grain_minutes, r.bucket_start) IN ({_TOUCHED})""",
    f"""
    UPDATE tool_rollups AS r SET (max_ms, last_used_at) = (
        SELECT max(c.max_ms), max(c.last_used_at) FROM tool_rollups AS c
        WHERE c.project_id = r.project_id AND c.user_id >= 0 AND c.grain_minutes = r.grain_minutes AND c.bucket_start = r.bucket_start
          AND c.tool_name = r.tool_name)
    WHERE r.project_id = ANY(%(old_project_ids)s) AND r.user_id = -1 AND (r.tool_name, r.grain_minutes, r.bucket_start) IN ({_TOUCHED})""",
    f"""
    UPDATE tool_rollups AS r SET (max_ms, last_used_at) = (
        SELECT max(c.max_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM projects) AS p, LATERAL (
            SELECT * FROM tool_rollups AS c
            WHERE c.project_id = p.id AND c.user_id = r.user_id AND c.grain_minutes = r.grain_minutes AND c.bucket_start = r.bucket_start
              AND c.tool_name = r.tool_name) AS c)
    WHERE r.project_id = -1 AND r.user_id = ANY(%(old_user_ids)s) AND (r.tool_name, r.grain_minutes, r.bucket_start) IN ({_TOUCHED})""",
]

AFFECTED_DAYS = """
    SELECT DISTINCT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day
    FROM sessions AS s, cut_at_buckets(without_gap(s.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
    WHERE s.session_id = ANY(%(moving)s)"""

# A union cannot be subtracted from: the days are made again from the sessions. First every row is there and locked, so that none that
# another transaction is just adding to is overlooked.
KEEP_DAYS = f"INSERT INTO moving_days {AFFECTED_DAYS}"
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
            WHERE s.counted AND s.user_id = d.user_id AND (d.project_id = -1 OR s.project_id = d.project_id) AND s.active_ranges && b.day), '{{}}')
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
    {
    aggregate.delta_ctes(
        activity=[aggregate.of_messages("messages") + " WHERE false"],
        tools=[aggregate.to_tools("tool_calls WHERE false")],
        files=[aggregate.to_files("activities WHERE false")],
    )
}, {aggregate.ROLL_UP} SELECT 1"""


def settle_keys(connection: Connection[Any], parameters: dict[str, Any]) -> set[int]:
    """Gives the batch's sessions the project and user that their starts name, and moves what was stored under others.

    `parameters`: session_ids (their rows locked by the caller), idle_gap. Gives the projects that lost or won a session.
    """
    found = connection.execute(MOVING, parameters).fetchone()
    assert found is not None
    moving, old_project_ids, new_project_ids, old_user_ids = found
    if not moving:
        connection.execute(SETTLE, parameters)
        return set()
    parameters = parameters | {"moving": moving, "old_project_ids": old_project_ids, "old_user_ids": old_user_ids}
    connection.execute(KEEP_DAYS, parameters)
    connection.execute(WITHDRAW.encode(), parameters)
    connection.execute(SETTLE, parameters)
    for statement in MOVE_ROWS:
        connection.execute(statement.encode(), parameters)
    connection.execute(CONTRIBUTE.encode(), parameters)
    for statement in MAXIMA:
        connection.execute(statement.encode(), parameters)
    connection.execute(KEEP_DAYS, parameters)
    connection.execute(MAKE_DAYS)
    connection.execute(LOCK_DAYS)
    connection.execute(REBUILD_DAYS.encode(), parameters)
    return set(old_project_ids) | set(new_project_ids)
