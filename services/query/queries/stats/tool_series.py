"""One tool's calls over time: a week's row of tool_rollups knows its quarters of an hour, so every interval of every zone is made up of these."""

from bisect import bisect_right
from collections import defaultdict

from services.query.database import Connection, Row, rows
from services.query.queries.stats.packed_counters import CALLS_DIGITS, holds, total
from services.query.queries.stats.ranges import QUARTER, WEEK

_WEEKS = """
    SELECT date_part('epoch', bucket_start) AS week, calls_by_quarter::text AS calls, errors_by_quarter::text AS errors, calls AS calls_in_all
    FROM tool_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 10080 AND tool_name = %(tool_name)s AND calls_by_quarter <> 0
        AND bucket_start > to_timestamp(%(start)s) - interval '7 days' AND bucket_start < to_timestamp(%(end)s)
"""

# Of a week with more calls than its vectors can hold.
_CALLS = """
    SELECT width_bucket(date_part('epoch', occurred_at), CAST(%(edges)s AS float8[])) - 1 AS i, count(*) AS calls,
        count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors
    FROM tool_calls
    WHERE tool_name = %(tool_name)s AND occurred_at >= to_timestamp(%(start)s) AND occurred_at < to_timestamp(%(end)s)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    GROUP BY i
"""


def series(
    connection: Connection, project_id: int, user_id: int, tool_name: str, start: float, end: float, edges: list[int]
) -> dict[int, Row]:
    """By number of the interval, calls and errors of one tool in [start, end); either may be infinite."""
    keys = {"project_id": project_id, "user_id": user_id, "tool_name": tool_name}
    start, end = max(start, edges[0]), min(end, edges[-1])
    found: dict[int, Row] = defaultdict(lambda: {"calls": 0, "errors": 0})
    for row in rows(connection, _WEEKS, keys | {"start": start, "end": end}):
        week = row["week"]
        at, until = max(start, week), min(end, week + WEEK)
        if row["calls_in_all"] >= holds(CALLS_DIGITS):
            for one in rows(connection, _CALLS, keys | {"start": at, "end": until, "edges": edges[:-1]}):
                for name in ("calls", "errors"):
                    found[one["i"]][name] += one[name]
            continue
        number = bisect_right(edges, at) - 1
        while at < until:
            following = min(edges[number + 1], until)
            first, last = int(at - week) // QUARTER, int(following - week) // QUARTER
            for name in ("calls", "errors"):
                found[number][name] += total(row[name], CALLS_DIGITS, first, last)
            at, number = following, number + 1
    return {number: row for number, row in found.items() if row["calls"]}
