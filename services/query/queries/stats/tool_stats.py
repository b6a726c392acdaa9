"""The answer of /api/tool-calls/stats: counts and times by tool, and calls over time. Its statements are in tool_stats.sql."""

from bisect import bisect_right
from collections import defaultdict
from functools import partial

from services.query.database import Connection, Row, rows
from services.query.queries.stats.histogram import NO_PERCENTILES, Histogram, shown_percentiles
from services.query.queries.stats.packed_counters import CALLS_DIGITS, TIMES_DIGITS, holds, total
from services.query.queries.stats.ranges import QUARTER, WEEK, Range, Segment, split_parameters
from services.query.queries.stats.stats import Selection, Series, described, kept_of_tools, points, series_of, series_rows, tools
from services.query.queries.stats.tool_errors import by_class, error_classes
from services.query.queries.stats.tool_latency import histograms_by_day, percentiles_over_time
from shared.sql_files import statement

_sql = partial(statement, __package__, "tool_stats.sql")


def tool_stats(
    connection: Connection, selection: Selection, tool_name: str | None, wanted: Range, *, include_estimated: bool, include_latency: bool
) -> Row:
    """The tool stats of a selection in a range; of one tool or of all (schemas/stats.py). With `include_estimated` times are of all durations."""
    chosen = {"tool_name": tool_name, "include_estimated": include_estimated}
    segments = selection.cover(wanted.start, wanted.end)
    found = tools(connection, selection, tool_name, segments, include_estimated=include_estimated)
    series = series_of(connection, selection, wanted)
    times = _percentiles(connection, selection, segments, chosen)
    classes = error_classes(connection, selection, tool_name, segments)
    shown = [_with_percentiles(row, times.get(row["tool_name"], {})) for row in found]
    time_series = _time_series(connection, selection, tool_name, wanted, series)
    latency: Row = {}
    if include_latency:
        percentiles, latency["percentiles_of"] = percentiles_over_time(connection, selection, wanted, series, chosen)
        time_series = [point | percentiles.get(number, NO_PERCENTILES) for number, point in enumerate(time_series)]
    return {
        "range": described(wanted, series),
        "total_calls": sum(row["calls"] for row in found),
        "errors_by_class": by_class(classes),
        "tools": [_with_errors(row, [each for each in classes if each["tool_name"] == row["tool_name"]]) for row in shown],
        **latency,
        "time_series": time_series,
    }


def _with_percentiles(row: Row, times: Row) -> Row:
    shown = shown_percentiles(times, row["max_ms"])
    tail = {name: row.pop(name) for name in ("max_ms", "last_used")}
    return row | shown | tail


def _with_errors(row: Row, classes: list[Row]) -> Row:
    """The tool with its classes of errors. Every call that did not succeed has one, so the others are pending, and of these some were cancelled."""
    failed = sum(each["calls"] for each in classes)
    others = {"cancelled": failed - row["errors"] - row["rejected"], "pending": row["calls"] - row["success"] - failed}
    return row | others | {"errors_by_class": by_class(classes)}


def _percentiles(connection: Connection, selection: Selection, segments: list[Segment], chosen: Row) -> dict[str, Row]:
    """By tool: p50_ms, p95_ms, p99_ms; without tools none of whose calls has a time.

    From histograms where those are kept, which is within 2 % of exact. A range of hours and quarters alone is exact.
    """
    parameters = selection.parameters() | split_parameters(segments, kept_of_tools) | chosen
    kept = [each for each in segments if kept_of_tools(each)]
    if not kept:
        return {row.pop("tool_name"): row for row in rows(connection, _sql("exact_percentiles"), parameters)}
    first_day, after_days = min(each.start for each in kept), max(each.end for each in kept)
    histograms: dict[str, Histogram] = defaultdict(Histogram)
    for row in rows(connection, _sql("histograms"), parameters):
        fits = row["timed_calls"] < holds(TIMES_DIGITS)
        keys = parameters | {"tool_name": row["tool_name"]}
        for vector in [row["times"]] if fits else histograms_by_day(connection, keys, first_day, after_days):
            histograms[row["tool_name"]].add_vector(vector)
    if len(kept) < len(segments):
        for row in rows(connection, _sql("latency_buckets"), parameters):
            histograms[row["tool_name"]].add(row["latency_bucket"], row["calls"])
    return {name: histogram.percentiles() for name, histogram in histograms.items()}


def _time_series(connection: Connection, selection: Selection, tool_name: str | None, wanted: Range, series: Series) -> list[Row]:
    if tool_name is None or not series.edges:
        found = series_rows(connection, selection, wanted, series, "calls_over_time")
    else:
        found = _calls_of_tool(connection, selection, tool_name, wanted, series.edges)
    return [point | found.get(number, {"calls": 0, "errors": 0}) for number, point in enumerate(points(wanted, series))]


def _calls_of_tool(connection: Connection, selection: Selection, tool_name: str, wanted: Range, edges: list[int]) -> dict[int, Row]:
    """By number of the interval, calls and errors of one tool. A week's rollup has its quarters of an hour; every interval consists of these."""
    keys = selection.parameters() | {"tool_name": tool_name}
    start, end = max(wanted.start, edges[0]), min(wanted.end, edges[-1])
    if selection.machine is not None:
        within = keys | {"start": start, "end": end, "edges": edges[:-1]}
        return {row["i"]: {"calls": row["calls"], "errors": row["errors"]} for row in rows(connection, _sql("calls_of_tool"), within)}
    found: dict[int, Row] = defaultdict(lambda: {"calls": 0, "errors": 0})
    for row in rows(connection, _sql("weeks_of_tool"), keys | {"start": start, "end": end}):
        week = row["week"]
        begin, until = max(start, week), min(end, week + WEEK)
        if row["calls_in_all"] >= holds(CALLS_DIGITS):
            for interval in rows(connection, _sql("calls_of_tool"), keys | {"start": begin, "end": until, "edges": edges[:-1]}):
                for name in ("calls", "errors"):
                    found[interval["i"]][name] += interval[name]
            continue
        number = bisect_right(edges, begin) - 1
        while begin < until:
            following = min(edges[number + 1], until)
            first, last = int(begin - week) // QUARTER, int(following - week) // QUARTER
            for name in ("calls", "errors"):
                found[number][name] += total(row[name], CALLS_DIGITS, first, last)
            begin, number = following, number + 1
    return {number: row for number, row in found.items() if row["calls"]}
