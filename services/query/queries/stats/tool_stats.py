"""The answer of /api/tool-calls/stats: counts and times by tool, and calls over time. Its statements are in tool_stats.sql."""

from bisect import bisect_right
from collections import defaultdict
from typing import Final

from msgspec import Struct

from services.query.answers.stats import CallPoint, TimedTool, ToolStats
from services.query.database import Connection, Row, fetch, fetch_by
from services.query.queries.stats.histogram import NO_PERCENTILES, Histogram, Percentiles
from services.query.queries.stats.packed_counters import CALLS_DIGITS, TIMES_DIGITS, holds, total
from services.query.queries.stats.ranges import QUARTER, WEEK, Range, Segment, split_parameters
from services.query.queries.stats.stats import Selection, Series, beginnings, cells_of, described, kept_of_tools, series_of, tools
from services.query.queries.stats.tool_errors import by_class, error_classes
from services.query.queries.stats.tool_latency import histograms_by_day, percentiles_over_time
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "tool_stats.sql", "parts.sql")


class _Calls(Struct, forbid_unknown_fields=True):
    """Calls in an interval, and those that failed or timed out."""

    calls: int = 0
    errors: int = 0


_NO_CALLS: Final = _Calls()


class _Week(Struct, frozen=True):
    """A week of one tool: when it begins, calls and errors packed by quarter of an hour, and the calls in all."""

    week: float
    calls: str
    errors: str
    calls_in_all: int


class _Times(Struct, frozen=True):
    """The calls of a tool by their times, as a vector; and how many they are."""

    tool_name: str
    times: str
    timed_calls: int


class _Bucket(Struct, frozen=True):
    """Calls of a tool in one bucket of a histogram."""

    tool_name: str
    latency_bucket: int
    calls: int


def tool_stats(
    connection: Connection, selection: Selection, tool_name: str | None, wanted: Range, *, include_estimated: bool, include_latency: bool
) -> ToolStats:
    """The tool stats of a selection in a range; of one tool or of all. With `include_estimated` times are of all durations."""
    chosen = {"tool_name": tool_name, "include_estimated": include_estimated}
    segments = selection.cover(wanted.start, wanted.end)
    series = series_of(connection, selection, wanted)
    times = _percentiles(connection, selection, segments, chosen)
    classes = error_classes(connection, selection, tool_name, segments)

    def prepare(row: Row) -> None:
        shown = times.get(row["tool_name"], NO_PERCENTILES).shown(row["max_ms"] or 0)
        row["p50_ms"], row["p95_ms"], row["p99_ms"] = shown.p50_ms, shown.p95_ms, shown.p99_ms
        # Every call that did not succeed has a class, so the others are pending, and of these some were cancelled.
        row["errors_by_class"] = by_class([each for each in classes if each.tool_name == row["tool_name"]])
        failed = sum(each.calls for each in row["errors_by_class"])
        row["cancelled"] = failed - row["errors"] - row["rejected"]
        row["pending"] = row["calls"] - row["success"] - failed

    found = tools(connection, TimedTool, selection, tool_name, segments, prepare, include_estimated=include_estimated)
    shown = ToolStats(
        range=described(wanted, series),
        total_calls=sum(each.calls for each in found),
        errors_by_class=by_class(classes),
        tools=found,
        time_series=_time_series(connection, selection, tool_name, wanted, series),
    )
    if include_latency:
        percentiles, shown.percentiles_of = percentiles_over_time(connection, selection, wanted, series, chosen)
        for number, point in enumerate(shown.time_series):
            of_interval = percentiles.get(number, NO_PERCENTILES)
            point.p50_ms, point.p95_ms, point.p99_ms = of_interval.p50_ms, of_interval.p95_ms, of_interval.p99_ms
            point.timed_calls = of_interval.calls
    return shown


def _percentiles(connection: Connection, selection: Selection, segments: list[Segment], chosen: Row) -> dict[str, Percentiles]:
    """By tool, of those of whose calls one has a time.

    From histograms where those are kept, which is within 2 % of exact. A range of hours and quarters alone is exact.
    """
    parameters = selection.parameters() | split_parameters(segments, kept_of_tools) | chosen
    kept = [each for each in segments if kept_of_tools(each)]
    if not kept:
        return fetch_by(connection, Percentiles, "tool_name", _SQL.exact_percentiles, parameters)
    first_day, after_days = min(each.start for each in kept), max(each.end for each in kept)
    histograms: dict[str, Histogram] = defaultdict(Histogram)
    for each in fetch(connection, _Times, _SQL.histograms, parameters):
        fits = each.timed_calls < holds(TIMES_DIGITS)
        keys = parameters | {"tool_name": each.tool_name}
        for vector in [each.times] if fits else histograms_by_day(connection, keys, first_day, after_days):
            histograms[each.tool_name].add_vector(vector)
    if len(kept) < len(segments):
        for bucket in fetch(connection, _Bucket, _SQL.latency_buckets, parameters):
            histograms[bucket.tool_name].add(bucket.latency_bucket, bucket.calls)
    return {name: histogram.percentiles() for name, histogram in histograms.items()}


def _time_series(connection: Connection, selection: Selection, tool_name: str | None, wanted: Range, series: Series) -> list[CallPoint]:
    if not series.edges:
        return []
    if tool_name is None:
        cells = selection.parameters() | cells_of(selection, wanted, series)
        found = fetch_by(connection, _Calls, "i", selection.statement("calls_over_time"), cells)
    else:
        found = _calls_of_tool(connection, selection, tool_name, wanted, series.edges)
    begin = beginnings(wanted, series)
    in_order = [found.get(number, _NO_CALLS) for number in range(len(begin))]
    return [
        CallPoint(start=start, date=date, calls=each.calls, errors=each.errors) for (start, date), each in zip(begin, in_order, strict=True)
    ]


def _calls_of_tool(connection: Connection, selection: Selection, tool_name: str, wanted: Range, edges: list[int]) -> dict[int, _Calls]:
    """By number of the interval, calls and errors of one tool. A week's rollup has its quarters of an hour; every interval consists of these."""
    keys = selection.parameters() | {"tool_name": tool_name}
    start, end = max(wanted.start, edges[0]), min(wanted.end, edges[-1])
    if selection.reads_rows:
        within = keys | {"start": start, "end": end, "edges": edges[:-1]}
        return fetch_by(connection, _Calls, "i", _SQL.calls_of_tool, within)
    found: dict[int, _Calls] = defaultdict(_Calls)
    for each in fetch(connection, _Week, _SQL.weeks_of_tool, keys | {"start": start, "end": end}):
        begin, until = max(start, each.week), min(end, each.week + WEEK)
        if each.calls_in_all >= holds(CALLS_DIGITS):
            within = keys | {"start": begin, "end": until, "edges": edges[:-1]}
            for number, apart in fetch_by(connection, _Calls, "i", _SQL.calls_of_tool, within).items():
                found[number].calls += apart.calls
                found[number].errors += apart.errors
            continue
        number = bisect_right(edges, begin) - 1
        while begin < until:
            following = min(edges[number + 1], until)
            first, last = int(begin - each.week) // QUARTER, int(following - each.week) // QUARTER
            found[number].calls += total(each.calls, CALLS_DIGITS, first, last)
            found[number].errors += total(each.errors, CALLS_DIGITS, first, last)
            begin, number = following, number + 1
    return found
