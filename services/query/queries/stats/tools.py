"""Tool calls by tool: counts and times, out of tool_rollups for weeks and UTC days, and of the calls themselves for what is left."""

from services.query.database import Connection, Row, rows
from services.query.queries.stats.bucket_ranges import IN_SEGMENT, SEGMENTS, WITHIN_SEGMENT, segment_parameters
from services.query.queries.stats.ranges import Segment
from shared.database import ALL

_ROLLUP = f"""
    SELECT {{columns}}
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT * FROM tool_rollups WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND {IN_SEGMENT} {{of_tool}} OFFSET 0) AS r
"""

_CALLS = f"""
    SELECT {{columns}}
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT tool_name, status, duration_ms, occurred_at FROM tool_calls WHERE {WITHIN_SEGMENT} {{of_scope}} {{of_tool}} OFFSET 0) AS r
"""

_ROLLUP_COLUMNS = "r.tool_name, r.calls, r.success, r.errors, r.rejected, r.timed_calls, r.duration_ms, r.max_ms, r.last_used_at"
_CALL_COLUMNS = """r.tool_name, 1, (r.status = 'success')::int, (r.status IN ('error', 'timeout'))::int, (r.status = 'rejected')::int,
        (r.duration_ms IS NOT NULL)::int, coalesce(r.duration_ms, 0), r.duration_ms, nullif(r.occurred_at, '-infinity')"""

_SUMMARY = """
    SELECT r.tool_name, sum(r.calls)::bigint AS calls, sum(r.success)::bigint AS success, sum(r.errors)::bigint AS errors,
        sum(r.rejected)::bigint AS rejected, round(sum(r.errors) / nullif(sum(r.calls), 0), 4)::float8 AS error_rate,
        round(sum(r.duration_ms) / nullif(sum(r.timed_calls), 0), 1)::float8 AS avg_ms, max(r.max_ms) AS max_ms, max(r.last_used_at) AS last_used
    FROM ({source}) AS r (tool_name, calls, success, errors, rejected, timed_calls, duration_ms, max_ms, last_used_at)
    GROUP BY r.tool_name
    HAVING sum(r.calls) > 0
    ORDER BY calls DESC, r.tool_name
"""


def summary(connection: Connection, project_id: int, user_id: int, tool_name: str | None, segments: list[Segment]) -> list[Row]:
    """One row a tool, the most used first."""
    source = _source(project_id, user_id, tool_name, _ROLLUP_COLUMNS, _CALL_COLUMNS)
    return rows(connection, _SUMMARY.format(source=source), split_parameters(project_id, user_id, tool_name, segments))


def is_kept(segment: Segment) -> bool:
    """Whether tool_rollups has its buckets: all time, weeks or UTC days."""
    return segment.grain_minutes in (0, 1440, 10080)


def calls_source(project_id: int, user_id: int, tool_name: str | None, columns: str) -> str:
    """A SELECT over the calls themselves in the segments that `split_parameters` calls edges."""
    of_scope = ("" if project_id == ALL else "AND project_id = %(project_id)s ") + ("" if user_id == ALL else "AND user_id = %(user_id)s")
    sql = _CALLS.format(columns=columns, of_scope=of_scope, of_tool=_of_tool(tool_name))
    return sql.replace("%(grains)s", "%(edge_grains)s").replace("%(starts)s", "%(edge_starts)s").replace("%(ends)s", "%(edge_ends)s")


def split_parameters(project_id: int, user_id: int, tool_name: str | None, segments: list[Segment]) -> Row:
    """Segments that are kept as rollups, and under names of their own the rest."""
    kept = [each for each in segments if is_kept(each)]
    rest = [each for each in segments if not is_kept(each)]
    edges = {f"edge_{name}": value for name, value in segment_parameters(rest).items()}
    return segment_parameters(kept) | edges | {"project_id": project_id, "user_id": user_id, "tool_name": tool_name}


def _source(project_id: int, user_id: int, tool_name: str | None, rollup_columns: str, call_columns: str) -> str:
    return rollup_source(tool_name, rollup_columns) + " UNION ALL " + calls_source(project_id, user_id, tool_name, call_columns)


def rollup_source(tool_name: str | None, columns: str) -> str:
    """A SELECT over tool_rollups in the segments that are kept."""
    return _ROLLUP.format(columns=columns, of_tool=_of_tool(tool_name))


def _of_tool(tool_name: str | None) -> str:
    return "" if tool_name is None else "AND tool_name = %(tool_name)s"
