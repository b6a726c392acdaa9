"""The slowest, the slowest measured and the last call of the cells of tool_rollups. A withdrawn call may have been any of them, so all are looked up again.

Cells of a project, user and day are looked up in the rows; cells of more than one project or user in the cells of each; weeks in their days, and all
time in its weeks.
"""

from typing import Any, Final

from psycopg import Connection

from services.worker.sql_text import sql

# moving_tools has the calls that are withdrawn.
_KEEP_SLOWER = """
    INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms, duration_source)
    SELECT t.project_id, t.user_id, t.tool_name, t.occurred_at, t.duration_ms, t.duration_source
    FROM staged_tool_calls AS s JOIN tool_calls AS t USING (id)
    WHERE t.duration_ms > coalesce(s.duration_ms, -1)
       OR (t.duration_ms IS NOT NULL AND t.duration_source = 'reported' AND s.duration_source IS DISTINCT FROM 'reported')"""

_LOOK_UP = """
    UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
        $found
    )
    FROM (SELECT $project AS project_id, $user AS user_id, tool_name, bucket_of(occurred_at, $grain) AS bucket_start,
                 max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
                 max(occurred_at) AS last_used_at
          FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
    WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, $grain, m.bucket_start, m.tool_name)
      AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at)"""
_IN_ROWS = """
    SELECT max(duration_ms), max(duration_ms) FILTER (WHERE duration_source = 'reported'), max(occurred_at) FROM tool_calls AS t
    WHERE t.project_id = r.project_id AND t.user_id = r.user_id AND t.tool_name = r.tool_name
      AND t.occurred_at BETWEEN r.bucket_start AND r.bucket_start + interval '1 day' - interval '1 microsecond'"""
# One project or user after the other: the index begins with projects, then users.
_IN_CELLS_OF_EACH = """
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM $each) AS e, LATERAL (
        SELECT * FROM tool_rollups AS c
        WHERE c.project_id = $project AND c.user_id = $user AND c.grain_minutes = 1440 AND c.bucket_start = r.bucket_start
          AND c.tool_name = r.tool_name) AS c"""
_IN_DAYS = """
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 1440 AND c.tool_name = r.tool_name
      AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'"""
_IN_WEEKS = """
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 10080 AND c.tool_name = r.tool_name"""

# (project_id, user_id) of moving_tools' cells, and where the maxima of a day are.
_OF_A_DAY: Final = {
    ("project_id", "user_id"): sql(_IN_ROWS),
    ("project_id", "-1"): sql(_IN_CELLS_OF_EACH, each="users", project="r.project_id", user="e.id"),
    ("-1", "user_id"): sql(_IN_CELLS_OF_EACH, each="projects", project="e.id", user="r.user_id"),
    ("-1", "-1"): sql(_IN_CELLS_OF_EACH, each="users", project="-1", user="e.id"),
}


def look_up_statements() -> list[str]:
    """In this order: days, weeks, all time."""
    found = [(owners, in_day, "1440") for owners, in_day in _OF_A_DAY.items()]
    found += [(owners, sql(select), grain) for grain, select in (("10080", _IN_DAYS), ("0", _IN_WEEKS)) for owners in _OF_A_DAY]
    return [sql(_LOOK_UP, found=select, project=project, user=user, grain=grain) for (project, user), select, grain in found]


def keep_slower_calls(connection: Connection[Any]) -> bool:
    """Notes stored tool calls that are slower than their staged version. True if there are any."""
    return connection.execute(_KEEP_SLOWER).rowcount > 0


def look_up_maxima(connection: Connection[Any]) -> None:
    """The slowest, the slowest measured and the last call of each cell that a noted call was in."""
    for statement in look_up_statements():
        connection.execute(statement.encode())
