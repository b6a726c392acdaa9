"""Percentiles of tools' times: from histograms where those are kept (within 2 % of exact), else exact from the calls."""

from sqlalchemy import Connection

from services.query.queries.paging import Row, rows
from services.query.queries.ranges import Segment
from services.query.queries.tools import calls_source, rollup_source, split_parameters
from shared.database import ALL

# Nearest rank: the first bucket up to which there are at least that share of the calls.
_FROM_HISTOGRAM = """
    WITH h AS (
        SELECT tool_name, latency_bucket, sum(calls) AS calls FROM ({source}) AS s GROUP BY tool_name, latency_bucket
    ), c AS (
        SELECT tool_name, latency_bucket, sum(calls) OVER (PARTITION BY tool_name ORDER BY latency_bucket) AS up_to,
            sum(calls) OVER (PARTITION BY tool_name) AS total
        FROM h WHERE calls > 0
    )
    SELECT tool_name,
        latency_of(min(latency_bucket) FILTER (WHERE up_to >= ceil(0.50 * total))) AS p50_ms,
        latency_of(min(latency_bucket) FILTER (WHERE up_to >= ceil(0.95 * total))) AS p95_ms,
        latency_of(min(latency_bucket) FILTER (WHERE up_to >= ceil(0.99 * total))) AS p99_ms
    FROM c GROUP BY tool_name
"""

_FROM_CALLS = """
    SELECT tool_name, p[1] AS p50_ms, p[2] AS p95_ms, p[3] AS p99_ms
    FROM (
        SELECT tool_name, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS p
        FROM ({source}) AS s WHERE duration_ms IS NOT NULL GROUP BY tool_name
    ) AS d
"""


def percentiles(connection: Connection, project_id: int, user_id: int, tool_name: str | None, segments: list[Segment]) -> dict[str, Row]:
    """By tool: p50_ms, p95_ms, p99_ms. A tool none of whose calls says how long it took is not in it."""
    everything = segments and segments[0].grain_minutes == 0
    if everything or project_id == user_id == ALL:
        calls = calls_source(project_id, user_id, tool_name, "r.tool_name, latency_bucket(r.duration_ms), 1")
        histogram = rollup_source("latency_rollups", project_id, user_id, tool_name, "r.tool_name, r.latency_bucket, r.calls")
        source = histogram + " UNION ALL " + calls.replace("OFFSET 0", "AND duration_ms IS NOT NULL OFFSET 0")
        sql, wanted = _FROM_HISTOGRAM.format(source=source), segments
    else:
        sql = _FROM_CALLS.format(source=calls_source(project_id, user_id, tool_name, "r.tool_name, r.duration_ms"))
        # All as edges, none as a rollup.
        wanted = [Segment(15, segments[0].start, segments[-1].end)] if segments else []
    parameters = split_parameters(project_id, user_id, tool_name, wanted)
    return {row.pop("tool_name"): row for row in rows(connection, sql, parameters)}
