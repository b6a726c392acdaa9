"""Percentiles of tools' times: from histograms where those are kept (within 2 % of exact), else exact from the calls."""

from collections import defaultdict
from itertools import accumulate

from services.query.database import Connection, Row, rows
from services.query.queries.stats.packed_counters import TIMES_DIGITS, counters, holds
from services.query.queries.stats.ranges import Segment
from services.query.queries.stats.tools import calls_source, is_kept, rollup_source, split_parameters

_HISTOGRAMS = "SELECT tool_name, sum(times)::text AS times, sum(timed_calls) AS timed_calls FROM ({source}) AS s GROUP BY tool_name"
# Of a tool with more calls than a histogram can hold: day by day, put together here. A day that has too many itself is left out.
_DAYS = f"SELECT times::text AS times FROM ({{source}}) AS s WHERE timed_calls < {holds(TIMES_DIGITS)}"
# What the histograms' segments leave out.
_BUCKETS = "SELECT tool_name, latency_bucket, count(*) AS calls FROM ({source}) AS s GROUP BY tool_name, latency_bucket"

_FROM_CALLS = """
    SELECT tool_name, p[1] AS p50_ms, p[2] AS p95_ms, p[3] AS p99_ms
    FROM (
        SELECT tool_name, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS p
        FROM ({source}) AS s WHERE duration_ms IS NOT NULL GROUP BY tool_name
    ) AS d
"""
_PERCENTS = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99}


def percentiles(connection: Connection, project_id: int, user_id: int, tool_name: str | None, segments: list[Segment]) -> dict[str, Row]:
    """By tool: p50_ms, p95_ms, p99_ms. A tool none of whose calls says how long it took is not in it."""
    parameters = split_parameters(project_id, user_id, tool_name, segments)
    kept = [is_kept(each) for each in segments]
    if not any(kept):
        sql = _FROM_CALLS.format(source=calls_source(project_id, user_id, tool_name, "r.tool_name, r.duration_ms"))
        return {row.pop("tool_name"): row for row in rows(connection, sql, parameters)}
    histograms: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    sql = _HISTOGRAMS.format(source=rollup_source(tool_name, "r.tool_name, r.times, r.timed_calls"))
    for row in rows(connection, sql, parameters):
        fits = row["timed_calls"] < holds(TIMES_DIGITS)
        vectors = [row["times"]] if fits else _by_day(connection, project_id, user_id, row["tool_name"], segments)
        for vector in vectors:
            for place, calls in counters(vector, TIMES_DIGITS):
                histograms[row["tool_name"]][place - 1] += calls
    if not all(kept):
        timed = calls_source(project_id, user_id, tool_name, "r.tool_name, latency_bucket(r.duration_ms) AS latency_bucket")
        for row in rows(connection, _BUCKETS.format(source=timed.replace("OFFSET 0", "AND duration_ms IS NOT NULL OFFSET 0")), parameters):
            histograms[row["tool_name"]][row["latency_bucket"]] += row["calls"]
    return {name: _percentiles(histogram) for name, histogram in histograms.items() if histogram}


def _by_day(connection: Connection, project_id: int, user_id: int, tool_name: str, segments: list[Segment]) -> list[str]:
    """One tool's histograms of the days that the kept segments are made of."""
    kept = [each for each in segments if is_kept(each)]
    days = [Segment(1440, min(each.start for each in kept), max(each.end for each in kept))]
    sql = _DAYS.format(source=rollup_source(tool_name, "r.times, r.timed_calls"))
    return [row["times"] for row in rows(connection, sql, split_parameters(project_id, user_id, tool_name, days))]


def _percentiles(histogram: dict[int, int]) -> Row:
    """Nearest rank: the middle of the first bucket up to which there are at least that share of the calls."""
    buckets = sorted(histogram)
    up_to = list(accumulate(histogram[bucket] for bucket in buckets))
    ranks = {name: -(-percent * up_to[-1] // 100) for name, percent in _PERCENTS.items()}
    return {
        name: _middle(next(bucket for bucket, calls in zip(buckets, up_to, strict=True) if calls >= rank)) for name, rank in ranks.items()
    }


def _middle(bucket: int) -> float:
    """As latency_of in the schema."""
    return 0.0 if bucket < 0 else 2 * 1.02**bucket / 2.02
