"""One tool's calls over time: a week's row of tool_rollups knows its quarters of an hour, so every interval of every zone is made up of these."""

from bisect import bisect_right
from collections import defaultdict
from math import inf

from sqlalchemy import Connection

from services.query.queries.paging import Row, rows
from services.query.queries.ranges import QUARTER
from services.query.queries.vectors import CALLS_DIGITS, counters

_WEEKS = """
    SELECT date_part('epoch', bucket_start) AS week, calls_by_quarter::text AS calls, errors_by_quarter::text AS errors
    FROM tool_rollups
    WHERE project_id = :project_id AND user_id = :user_id AND grain_minutes = 10080 AND tool_name = :tool_name AND calls_by_quarter <> 0
        AND bucket_start > to_timestamp(:start) - interval '7 days' AND bucket_start < to_timestamp(:end)
"""


def series(
    connection: Connection, project_id: int, user_id: int, tool_name: str, start: float, end: float, edges: list[int]
) -> dict[int, Row]:
    """By number of the interval, calls and errors of one tool in [start, end); either may be infinite."""
    keys = {"project_id": project_id, "user_id": user_id, "tool_name": tool_name}
    start, end = max(start, edges[0]), min(end, edges[-1])
    found: dict[int, Row] = defaultdict(lambda: {"calls": 0, "errors": 0})
    for row in rows(connection, _WEEKS, keys | {"start": start, "end": end}):
        number, until = 0, -inf
        for name in ("calls", "errors"):
            for place, counter in counters(row[name], CALLS_DIGITS):
                at = row["week"] + place * QUARTER
                if not start <= at < end:
                    continue
                if not edges[number] <= at < until:
                    number = bisect_right(edges, at) - 1
                    until = edges[number + 1]
                found[number][name] += counter
    return found
