"""Ranges of time as they are asked for, and the whole UTC days with corrections that they are counted by."""

import json
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import inf
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from services.query.answers.stats import Interval
from services.query.queries.stats.day_edges import OUTSIDE, DayEdges, day_edges
from services.query.queries.stats.ranges import (
    DAY,
    EVERYTHING,
    GRAINS,
    HOUR,
    MAX_POINTS,
    QUARTER,
    Range,
    Segment,
    cover,
    cover_series,
    instants,
    newest,
    range_before,
    series_edges,
    series_range,
    stats_range,
    time_zone,
)
from services.query.queries.stats.stats import offset_periods
from shared.http.errors import BadRequest
from tests.forked_tracker import REPOSITORY

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu", "America/Sao_Paulo", "America/Havana",
    "Pacific/Apia", "Asia/Beirut", "Africa/Casablanca",
]  # fmt: skip
UTC_ZONE = ZoneInfo("UTC")
INTERVALS: list[Interval] = ["hour", "day", "week", "month"]

zones = st.sampled_from(ZONES).map(ZoneInfo)
quarters = st.integers(datetime(1995, 1, 1, tzinfo=UTC).timestamp() // QUARTER, datetime(2035, 1, 1, tzinfo=UTC).timestamp() // QUARTER)


def label(second: int, tz: ZoneInfo, interval: Interval) -> object:
    """The interval in the words of a clock on the wall and a calendar."""
    local = datetime.fromtimestamp(second, tz)
    day = local.date()
    return {
        "hour": (day, local.hour, local.utcoffset()),
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": (day.year, day.month),
    }[interval]


@settings(max_examples=200, deadline=None)
@given(zones, st.sampled_from(INTERVALS), quarters, st.integers(1, 4 * 24 * 40))
@example(ZoneInfo("Australia/Lord_Howe"), "hour", int(datetime(2024, 4, 6, 12, tzinfo=UTC).timestamp()) // QUARTER, 96)
@example(ZoneInfo("Australia/Lord_Howe"), "hour", int(datetime(2024, 10, 5, 12, tzinfo=UTC).timestamp()) // QUARTER, 96)
@example(ZoneInfo("Pacific/Apia"), "day", int(datetime(2011, 12, 29, tzinfo=UTC).timestamp()) // QUARTER, 400)
@example(ZoneInfo("America/Sao_Paulo"), "day", int(datetime(2018, 11, 3, tzinfo=UTC).timestamp()) // QUARTER, 400)
@example(ZoneInfo("America/Havana"), "day", int(datetime(2024, 11, 2, tzinfo=UTC).timestamp()) // QUARTER, 400)
def test_series_intervals_begin_where_calendar_intervals_do(tz: ZoneInfo, interval: Interval, quarter: int, length: int) -> None:
    start, end = quarter * QUARTER, (quarter + length) * QUARTER
    wanted = Range(start, end, tz, interval)
    edges = series_edges(wanted, 0, 0)
    changes = [t for t in range(start + QUARTER, end, QUARTER) if label(t, tz, interval) != label(t - QUARTER, tz, interval)]
    assert edges[0] <= start
    assert label(edges[0], tz, interval) == label(start, tz, interval)
    assert edges[1:-1] == changes
    assert edges[-1] >= end


@settings(max_examples=200, deadline=None)
@given(zones, st.sampled_from(INTERVALS), quarters, st.integers(1, 4 * 24 * 40))
def test_series_buckets_lie_within_one_interval_and_cover_the_range(tz: ZoneInfo, interval: Interval, quarter: int, length: int) -> None:
    wanted = Range(quarter * QUARTER, (quarter + length) * QUARTER, tz, interval)
    edges = series_edges(wanted, 0, 0)
    at = wanted.start
    for segment in cover_series(wanted, edges):
        assert segment.start == at
        assert on_bucket(segment, segment.start)
        assert on_bucket(segment, segment.end)
        # No edge of the series is inside a bucket.
        assert all(on_bucket(segment, edge) for edge in edges if segment.start < edge < segment.end)
        at = segment.end
    assert at == wanted.end


@given(quarters, st.integers(0, 4 * 24 * 400))
def test_a_range_is_covered_by_few_aligned_buckets(quarter: int, length: int) -> None:
    start, end = quarter * QUARTER, (quarter + length) * QUARTER
    segments = cover(start, end)
    assert len(segments) <= 2 * len(GRAINS) - 1
    assert sum(segment.end - segment.start for segment in segments) == end - start
    assert all(on_bucket(segment, edge) for segment in segments for edge in (segment.start, segment.end))


def on_bucket(segment: Segment, at: float) -> bool:
    """Whether one of its buckets could begin then; weeks do on Mondays."""
    monday = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    return (at - monday) % (segment.grain_minutes * 60) == 0


def test_open_ranges_include_undated_rows_only_without_a_start() -> None:
    noon = datetime(2024, 1, 2, 12, tzinfo=UTC).timestamp()
    midnight = noon - HOUR * 12
    assert cover(-inf, inf) == EVERYTHING
    # It is a Tuesday.
    monday, next_monday = midnight - DAY, midnight + 6 * DAY
    assert cover(-inf, noon) == [Segment(10080, -inf, monday), Segment(1440, monday, midnight), Segment(60, midnight, noon)]
    assert cover(noon, inf) == [
        Segment(60, noon, midnight + DAY),
        Segment(1440, midnight + DAY, next_monday),
        Segment(10080, next_monday, inf),
    ]


@given(zones, st.dates(date(1995, 1, 1), date(2035, 1, 1)))
def test_an_end_date_includes_its_day(tz: ZoneInfo, day: date) -> None:
    start, end = instants(day.isoformat(), day.isoformat(), tz)
    assert start is not None
    assert end is not None
    days = {datetime.fromtimestamp(t, tz).date() for t in range(int(start.timestamp()), int(end.timestamp()), QUARTER)}
    assert days <= {day}
    assert datetime.fromtimestamp(end.timestamp(), tz).date() > day


def test_a_naive_time_is_utc_and_a_date_is_in_the_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert instants("2024-01-15T10:30:00", None, berlin)[0] == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert instants("2024-01-15T10:30:00+02:00", None, berlin)[0] == datetime(2024, 1, 15, 8, 30, tzinfo=UTC)
    assert instants("2024-01-15", None, berlin)[0] == datetime(2024, 1, 14, 23, 0, tzinfo=UTC)


def test_stats_ranges_are_widened_to_quarter_hours() -> None:
    wanted = stats_range("2024-01-15T10:31:00Z", "2024-01-15T10:31:00Z", UTC_ZONE, "day")
    assert wanted.start_time == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert wanted.end_time == datetime(2024, 1, 15, 10, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-01", "2024-02-30", "20240115", "2024-W03", "2024-01-15T25:00:00", "1e3", "2024-01-15T10:30:00 02:00"]
)
def test_an_invalid_date_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="start_date"):
        instants(text, None, UTC_ZONE)


@pytest.mark.parametrize(("start", "end"), [("0001-01-01", "9999-12-31"), ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")])
def test_the_first_and_last_dates_of_the_calendar_are_accepted(start: str, end: str) -> None:
    first, last = instants(start, end, ZoneInfo("Pacific/Kiritimati"))
    assert first
    assert last
    assert first < datetime(1971, 1, 1, tzinfo=UTC) < datetime(2099, 1, 1, tzinfo=UTC) < last


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(BadRequest, match="end_date"):
        instants("2024-01-02", "2024-01-01", UTC_ZONE)


@pytest.mark.parametrize(
    ("years", "asked_for", "advised"),
    [(4, "hour", "day"), (30, "hour", "week"), (30, "day", "week"), (129, "hour", "month"), (129, "day", "month"), (129, "week", "month")],
)
def test_a_series_with_too_many_points_is_refused_with_the_interval_to_use(years: int, asked_for: Interval, advised: Interval) -> None:
    closed = stats_range("1970-01-01", f"{1970 + years}-01-01", UTC_ZONE, asked_for)
    open_at_both_ends = Range(-inf, inf, UTC_ZONE, asked_for)
    for wanted in (closed, open_at_both_ends):
        with pytest.raises(BadRequest, match=f"coarser one, interval={advised},"):
            series_range(wanted, closed.start, closed.end)
        taken = series_range(structs.replace(wanted, interval=advised), closed.start, closed.end)
        assert len(series_edges(taken, closed.start, closed.end)) <= MAX_POINTS + 1


@pytest.mark.parametrize(("years", "interval"), [(1, "day"), (10, "day"), (12, "week"), (76, "week"), (78, "month"), (130, "month")])
def test_the_default_interval_is_the_finest_that_fits(years: int, interval: Interval) -> None:
    first = int(datetime(1970, 1, 1, tzinfo=UTC).timestamp())
    taken = series_range(Range(-inf, inf, UTC_ZONE), first, first + years * 365.25 * DAY)
    edges = series_edges(taken, first, first + years * 365.25 * DAY)
    assert taken.interval == interval
    assert len(edges) <= MAX_POINTS + 1
    assert all(edge < following for edge, following in pairwise(edges))


def test_the_newest_points_end_at_the_end_of_the_range() -> None:
    last = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    edges = series_edges(newest(Range(-inf, inf, UTC_ZONE, "day"), last - 30 * 365 * DAY, last), 0, last)
    assert (len(edges), edges[-1]) == (MAX_POINTS, last)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "\0", "Europe", "é", "x" * 64, "posixrules\0"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="tz"):
        time_zone(name)


@pytest.mark.parametrize("name", ZONES)
def test_offset_periods_match_the_time_zone_offsets(name: str) -> None:
    tz = ZoneInfo(name)
    starts, offsets = offset_periods(tz)
    for second in range(int(datetime(2007, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()), 5 * HOUR):
        offset = datetime.fromtimestamp(second, tz).utcoffset()
        assert offset is not None
        period = max(n for n, start in enumerate(starts) if start <= second)
        assert offsets[period] == offset.total_seconds()


# Cases that the dashboard is held to as well.
DAYS_BEFORE = json.loads((REPOSITORY / "tests/days_before.json").read_text())


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        *((first, last, (first_before, last_before)) for first, last, first_before, last_before, _ in DAYS_BEFORE),
        # The calendar has a first and a last day.
        ("2024-01-15", "9756-10-18", ("0001-01-01", "2024-01-14")),
        ("2024-01-01", "9999-12-31", ("0001-01-01", "2023-12-31")),
        ("0001-01-01", "0001-01-01", ("0001-01-01", "0001-01-01")),
    ],
)
def test_a_range_before_is_as_many_days_or_those_of_the_month_or_week_before(first: str, last: str, before: tuple[str, str]) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert range_before("previous", first, last, berlin) == stats_range(*before, berlin, None)


def test_a_range_of_times_is_compared_with_as_long_a_time_before() -> None:
    before = range_before("previous", "2024-05-01T10:00:00Z", "2024-05-01T12:00:00Z", ZoneInfo("UTC"))
    assert before == stats_range("2024-05-01T08:00:00Z", "2024-05-01T10:00:00Z", ZoneInfo("UTC"), None)


boundaries = st.lists(st.integers(0, 5 * 96).map(lambda n: float(n * QUARTER)), min_size=2, max_size=8, unique=True).map(sorted)


def counted(cells: DayEdges, at: float) -> dict[int, int]:
    """How often a moment counts, by interval."""
    counts: dict[int, int] = {}
    day = at // DAY * DAY
    if cells.edges[0] <= day < cells.edges[-1]:
        counts[bisect_right(cells.edges[:-1], day) - 1] = 1
    for each in cells.corrections:
        if each.start <= at < each.end:
            counts[each.right] = counts.get(each.right, 0) + 1
            counts[each.wrong] = counts.get(each.wrong, 0) - 1
    return {interval: count for interval, count in counts.items() if count and interval != OUTSIDE}


@given(boundaries, st.booleans(), st.booleans())
def test_each_moment_counts_exactly_once_in_its_interval(edges: list[float], open_start: bool, open_end: bool) -> None:
    edges = [-inf if open_start else edges[0], *edges[1:-1], inf if open_end else edges[-1]]
    cells = day_edges(edges)
    for quarter in range(-96, 6 * 96):
        at = float(quarter * QUARTER)
        inside = edges[0] <= at < edges[-1]
        assert counted(cells, at) == ({bisect_right(edges, at) - 1: 1} if inside else {})


def test_a_year_in_another_zone_reads_only_the_offset_hours_from_rows() -> None:
    """given the days of a year in UTC+2, then only two hours of each are read from rows."""
    cells = day_edges([float(n * DAY - 7200) for n in range(366)])
    assert {each.end - each.start for each in cells.corrections} == {7200}
    assert len(cells.corrections) == 366


def test_all_time_is_one_cell() -> None:
    assert day_edges([-inf, inf]) == DayEdges([-inf, inf], [])
    assert day_edges([-inf, inf]).everything
