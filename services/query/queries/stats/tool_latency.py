"""Percentiles of the times of tool calls by interval of a series. Its statements are in tool_latency.sql.

The histogram of an interval is that of whole UTC days, from rollups, between the UTC midnights that are nearest to its ends. The calls between a
midnight and its end are read themselves: those within the interval are added, others are taken away. In Berlin that is an hour or two a day.
"""

from collections import defaultdict
from itertools import pairwise
from math import ceil, floor, inf
from typing import Final, Literal

from msgspec import Struct

from services.query.answers.stats import MOST_TIMED_CALLS
from services.query.database import Connection, Row, fetch, fetch_by, one_row, rows
from services.query.queries.stats.histogram import Histogram, Percentiles
from services.query.queries.stats.packed_counters import TIMES_DIGITS, holds
from services.query.queries.stats.ranges import DAY, Range, Segment, cover, merged, segment_parameters
from services.query.queries.stats.stats import Selection, Series
from shared.sql_files import SqlFile

MOST_SECONDS: Final = 2 * DAY

# The periods that a series has percentiles of.
Of = Literal["intervals", "utc_days", "nothing"]

_SQL: Final = SqlFile(__package__, "tool_latency.sql", "parts.sql")


class _Interval(Struct, frozen=True):
    """[start, end) with its place in the series, and the UTC days [first_day, after_days) that its histogram begins with, if it has one."""

    number: int
    start: float
    end: float
    first_day: float
    after_days: float

    @property
    def has_days(self) -> bool:
        """Whether less is to be read with the days than without. Without, percentiles are exact."""
        return (
            self.first_day < self.after_days and abs(self.first_day - self.start) + abs(self.after_days - self.end) < self.end - self.start
        )

    def slices(self) -> list[tuple[int, float, float]]:
        """(1 or -1, from, to): the calls that are added to those of the days, and taken away."""
        ends = ((self.start, self.first_day), (self.after_days, self.end))
        return [(1, left, right) if left < right else (-1, right, left) for left, right in ends if left != right]


class _Times(Struct, frozen=True):
    """The calls of an interval by their times, as a vector; how many they are, and the longest time."""

    i: int
    times: str
    timed_calls: int
    max_ms: int | None


class _Bucket(Struct, frozen=True):
    """Calls in one bucket of a histogram, of the segment in place `i`; and the longest time."""

    i: int
    latency_bucket: int
    calls: int
    max_ms: int


def percentiles_over_time(
    connection: Connection, selection: Selection, wanted: Range, series: Series, chosen: Row
) -> tuple[dict[int, Percentiles], Of]:
    """By number of the interval its percentiles, where a call has a time; and what they are of. `chosen`: tool_name, include_estimated."""
    if not series.edges:
        return {}, "intervals"
    edges = [max(series.edges[0], wanted.start), *series.edges[1:-1], min(series.edges[-1], wanted.end)]
    # No rollup knows hours or machines.
    intervals = _intervals(edges, has_rollups=series.interval != "hour" and not selection.reads_rows)
    of: Of = "intervals"
    if not selection.reads_rows and _reads_too_much(connection, selection, intervals):
        if series.interval == "hour":
            return {}, "nothing"
        inner = (min(max(_nearest_midnight(edge), edges[0]), edges[-1]) for edge in edges[1:-1])
        intervals, of = _intervals([edges[0], *inner, edges[-1]], has_rollups=True), "utc_days"
    keys = selection.parameters() | chosen
    found = _of_calls(connection, keys, intervals)
    if by_day := [each for each in intervals if each.has_days]:
        found |= _of_days(connection, keys, by_day)
    return found, of


def _intervals(edges: list[float], *, has_rollups: bool) -> list[_Interval]:
    """Between neighbours the midnight is the same. At the ends of the range nothing is taken away, so that one interval has the totals' percentiles."""
    if not has_rollups:
        return [_Interval(number, start, end, 0, 0) for number, (start, end) in enumerate(pairwise(edges))]
    midnights = [ceil(edges[0] / DAY) * DAY, *map(_nearest_midnight, edges[1:-1]), floor(edges[-1] / DAY) * DAY]
    both = zip(pairwise(edges), pairwise(midnights), strict=True)
    return [_Interval(number, *ends, *days) for number, (ends, days) in enumerate(both)]


def _nearest_midnight(edge: float) -> int:
    """In UTC; before or after it."""
    return floor(edge / DAY + 0.5) * DAY


def _reads_too_much(connection: Connection, selection: Selection, intervals: list[_Interval]) -> bool:
    """Counts the calls of all users and tools: no index leads to those of one."""
    spans = {(each.start, each.end) for each in intervals if not each.has_days}
    spans |= {(start, end) for each in intervals if each.has_days for _, start, end in each.slices()}
    if sum(end - start for start, end in spans) <= MOST_SECONDS:
        return False
    joined = merged(Segment(0, start, end) for start, end in sorted(spans))
    segments = [piece for each in joined for piece in cover(each.start, each.end)]
    parameters = segment_parameters(segments) | selection.parameters()
    return bool(one_row(connection, _SQL.calls, parameters)["calls"] > MOST_TIMED_CALLS)


def _of_calls(connection: Connection, keys: Row, intervals: list[_Interval]) -> dict[int, Percentiles]:
    """Exact percentiles of the intervals that have no days."""
    spans = merged(Segment(0, each.start, each.end) for each in intervals if not each.has_days and each.start < each.end)
    if not spans:
        return {}
    parameters = keys | segment_parameters(spans) | {"edges": [float(each.start) for each in intervals]}
    found = fetch_by(connection, Percentiles, "i", _SQL.exact_percentiles_by_interval, parameters)
    return {number: each.shown(inf) for number, each in found.items()}


def _of_days(connection: Connection, keys: Row, intervals: list[_Interval]) -> dict[int, Percentiles]:
    """Percentiles of intervals with days, within 2 %."""
    histograms = {each.number: Histogram() for each in intervals}
    longest: dict[int, int] = dict.fromkeys(histograms, 0)
    days = merged(piece for each in intervals for piece in cover(each.first_day, each.after_days, (10080, 1440)))
    parameters = keys | segment_parameters(days) | {"edges": [float(each.first_day) for each in intervals]}
    for found in fetch(connection, _Times, _SQL.histograms_by_interval, parameters):
        interval = intervals[found.i]
        fits = found.timed_calls < holds(TIMES_DIGITS)
        for vector in [found.times] if fits else histograms_by_day(connection, keys, interval.first_day, interval.after_days):
            histograms[interval.number].add_vector(vector)
        longest[interval.number] = found.max_ms or 0
    slices: dict[tuple[float, float], list[tuple[int, int]]] = defaultdict(list)
    for each in intervals:
        for sign, start, end in each.slices():
            slices[start, end].append((sign, each.number))
    if slices:
        parameters = keys | segment_parameters([Segment(0, start, end) for start, end in slices])
        takers = list(slices.values())
        for bucket in fetch(connection, _Bucket, _SQL.latency_buckets_by_slice, parameters):
            for sign, number in takers[bucket.i]:
                histograms[number].add(bucket.latency_bucket, sign * bucket.calls)
                longest[number] = max(longest[number], bucket.max_ms)
    return {number: each.percentiles().shown(longest[number]) for number, each in histograms.items()}


def histograms_by_day(connection: Connection, keys: Row, first_day: float, after_days: float) -> list[str]:
    """The vectors of each UTC day of [first_day, after_days), whose sum no vector can hold. `keys`: the selection, tool_name, include_estimated."""
    days = segment_parameters([Segment(1440, first_day, after_days)])
    return [row["times"] for row in rows(connection, _SQL.histograms_by_day, keys | days)]
