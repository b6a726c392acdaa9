"""The answer of /api/tool-calls/stats."""

from services.query.database import Connection, Row
from services.query.queries.stats import latency, tool_series, tools, totals_and_series
from services.query.queries.stats.ranges import Range, at, cover

_PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")


def tool_stats(connection: Connection, scope: totals_and_series.Scope, tool_name: str | None, wanted: Range) -> Row:
    """Counts and times by tool, and calls over time."""
    segments = cover(wanted.start, wanted.end)
    found = tools.summary(connection, scope.project_id, scope.user_id, tool_name, segments)
    series = totals_and_series.series_of(connection, scope, wanted)
    times = latency.percentiles(connection, scope.project_id, scope.user_id, tool_name, segments)
    return {
        "range": totals_and_series.described(wanted, series),
        "total_calls": sum(row["calls"] for row in found),
        "tools": [_with_percentiles(row, times.get(row["tool_name"], {})) for row in found],
        "time_series": _series(connection, scope, tool_name, wanted, series),
    }


def _with_percentiles(row: Row, times: Row) -> Row:
    # The middle of a histogram's bucket may lie above all that is in it.
    shown = {name: round(min(float(times[name]), row["max_ms"]), 1) if times else None for name in _PERCENTILES}
    tail = {name: row.pop(name) for name in ("max_ms", "last_used")}
    return row | shown | tail


def _series(
    connection: Connection, scope: totals_and_series.Scope, tool_name: str | None, wanted: Range, series: totals_and_series.Series
) -> list[Row]:
    if tool_name is None or not series.edges:
        found = {
            n: {"calls": row["tool_calls"], "errors": row["tool_errors"]}
            for n, row in totals_and_series.series_rows(connection, scope, series).items()
        }
    else:
        found = tool_series.series(connection, scope.project_id, scope.user_id, tool_name, wanted.start, wanted.end, series.edges)
    return [{"start": at(edge)} | found.get(number, {"calls": 0, "errors": 0}) for number, edge in enumerate(series.edges[:-1])]
