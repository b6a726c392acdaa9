"""The stats of a project, or of all: totals, a time series, tools, files, users, and a heatmap of the week. Its statements are in stats.sql."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct, structs

from services.query.answers.lists import Project
from services.query.answers.stats import CountedRange, HeatmapCell, Interval, Point, Stats, Tool, TopFile, Totals, UserShare
from services.query.database import Connection, Kind, Prepare, Row, as_it_is, fetch, fetch_one, rows
from services.query.queries.stats.active_sessions import Continued, active_sessions, continued
from services.query.queries.stats.day_edges import cells_of_one_grain, day_edges
from services.query.queries.stats.packed_counters import ACTIVE_DIGITS, counters, holds
from services.query.queries.stats.ranges import (
    DAY,
    HOUR,
    QUARTER,
    WEEK,
    Range,
    Segment,
    cover,
    cover_series,
    local_dates,
    newest,
    segment_parameters,
    series_edges,
    series_range,
    split_parameters,
)
from shared.database import ALL
from shared.events.messages import EARLIEST, LATEST
from shared.sql_files import SqlFile


def within_periods(wanted: Range, offset_starts: list[float], grains: tuple[int, ...]) -> list[Segment]:
    """The coarsest buckets of these grains that lie in the range and each in one period of one offset."""
    segments: list[Segment] = []
    for period_start, period_end in pairwise([*offset_starts, inf]):
        start, end = max(period_start, wanted.start), min(period_end, wanted.end)
        if start < end:
            segments += [Segment(grains[0], -inf, inf)] if (start, end) == (-inf, inf) else cover(start, end, grains)
    return segments


@lru_cache(maxsize=32)
def offset_periods(tz: ZoneInfo) -> tuple[list[float], list[int]]:
    """When the zone's offset from UTC changed, and to how many seconds; the first since ever. Offsets are cut to quarters of an hour."""
    starts, offsets = [-inf], [_offset(EARLIEST, tz)]
    day = EARLIEST
    # Only in the years that can have events, and as far as rules reach.
    while day < min(LATEST, datetime.now(UTC) + timedelta(days=731)):
        following = day + timedelta(days=1)
        if _offset(following, tz) != offsets[-1]:
            quarter = next(t for t in (day + timedelta(seconds=n) for n in range(0, DAY + 1, QUARTER)) if _offset(t, tz) != offsets[-1])
            starts.append(quarter.timestamp())
            offsets.append(_offset(quarter, tz))
        day = following
    return starts, offsets


def _offset(time: datetime, tz: ZoneInfo) -> int:
    offset = time.astimezone(tz).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // QUARTER * QUARTER


TOP_FILES: Final = 20
# In a range of more than 100 days, only this many files are added up: those with the most touches of all time.
CANDIDATES: Final = 256
MANY_DAYS: Final = 100 * DAY
# All time, of sets of files by week.
_WEEKS: Final = Segment(10_080, -inf, inf)

_SQL: Final = SqlFile(__package__, "stats.sql", "parts.sql")


class Selection(Struct, frozen=True):
    """The data that is counted: one project's or all, one user's or all; perhaps of one machine, by its id or name, or of several projects."""

    project_id: int = ALL
    user_id: int = ALL
    machine: str | None = None
    # Those of a group, or of a repository. None: not limited by one.
    projects: tuple[int, ...] | None = None

    def parameters(self) -> Row:
        """For SQL."""
        return {"project_id": self.project_id, "user_id": self.user_id, "machine": self.machine, "projects": self._project_ids}

    @property
    def _project_ids(self) -> list[int] | None:
        return None if self.projects is None else list(self.projects)

    @property
    def reads_rows(self) -> bool:
        """Whether the rows are counted, because no aggregate knows machines, nor several projects together."""
        return self.machine is not None or self.projects is not None

    @property
    def reads_rows_of_files(self) -> bool:
        """Whether files are counted from the rows, because the rollups of files know only projects."""
        return self.user_id != ALL or self.reads_rows

    def statement(self, name: str) -> str:
        """A statement of stats.sql that reads activity_rollups. Where rows are counted it reads cells of quarters that are made of them."""
        return _SQL.activity_of_rows + _SQL[name] if self.reads_rows else _SQL[name]

    def cover(self, start: float, end: float) -> list[Segment]:
        """The buckets that make up [start, end)."""
        return [Segment(15, start, end)] if self.reads_rows else cover(start, end)


class Series(Struct, frozen=True):
    """The intervals of a time series: their length, where they begin and the last one ends, and the buckets that make them up. Empty without data."""

    interval: Interval
    edges: list[int]
    segments: list[Segment]

    def bounds(self, wanted: Range) -> list[float]:
        """The edges, cut to the range: what lies outside of it does not count in the first and the last interval."""
        return [max(self.edges[0], wanted.start), *self.edges[1:-1], min(self.edges[-1], wanted.end)] if self.edges else []


class _Bounds(Struct, frozen=True, forbid_unknown_fields=True):
    """When the first and the last quarter of an hour with data begin and end; None without data."""

    first: float | None = None
    last: float | None = None


class _Touched(Struct, frozen=True, forbid_unknown_fields=True):
    """A file with its changes in a range. `candidates`: their number; `least`: the fewest touches of all time that one of them has."""

    project_id: int
    file_key: UUID
    touches: int
    lines_added: int
    lines_removed: int
    candidates: int = 0
    least: int = 0


class _Packed(Struct, frozen=True):
    """Active time in a period of one offset: packed by quarter of a week, and in all."""

    period: int
    active: str
    active_us: Decimal


class _Quarter(Struct, frozen=True):
    """Active time in a period of one offset and a quarter of a week."""

    period: int
    quarter: int
    active_us: Decimal


def stats(connection: Connection, selection: Selection, project: Project | None, wanted: Range, idle_gap_seconds: int) -> Stats:
    """The stats of a selection in a range; of a project, with it."""
    segments = selection.cover(wanted.start, wanted.end)
    series = series_of(connection, selection, wanted)
    chosen = selection.parameters()
    by_user = continued(connection, chosen, [wanted.start, wanted.end], idle_gap_seconds, by=["user"])
    by_interval = continued(connection, chosen, series.bounds(wanted), idle_gap_seconds, by=["interval"])
    return Stats(
        project=project,
        range=described(wanted, series),
        totals=_totals(connection, selection, wanted, segments, idle_gap_seconds, sum(each.continued for each in by_user)),
        time_series=_time_series(connection, selection, wanted, series, by_interval),
        tools=tools(connection, Tool, selection, None, segments),
        top_files=_top_files(connection, selection, wanted, segments),
        users=_users(connection, selection, segments, by_user),
        heatmap=_heatmap(connection, selection, wanted),
    )


def series_of(connection: Connection, selection: Selection, wanted: Range, *, newest_points: bool = False) -> Series:
    """The intervals between the range's ends, or where those are open, the data's.

    BadRequest if the interval that was asked for makes too many of them; with `newest_points` the newest are given instead.
    """
    bounds = _Bounds()
    if wanted.is_open:
        bounds = fetch_one(connection, _Bounds, selection.statement("series_bounds"), selection.parameters())
        if bounds.first is None:
            return Series(wanted.interval or "day", [], [])
    first, last = bounds.first or 0, bounds.last or 0
    if newest_points:
        wanted = newest(wanted, first, last)
    wanted = series_range(wanted, first, last)
    assert wanted.interval is not None
    edges = series_edges(wanted, first, last)
    if not edges:
        return Series(wanted.interval, edges, [])
    if selection.reads_rows:
        return Series(wanted.interval, edges, selection.cover(max(edges[0], wanted.start), min(edges[-1], wanted.end)))
    return Series(wanted.interval, edges, cover_series(wanted, edges))


def cells_of(selection: Selection, wanted: Range, series: Series) -> Row:
    """The cells that make up a series, for SQL. Days of any zone, and what is longer, are made of UTC days."""
    if series.interval == "hour" or selection.reads_rows:
        [cells] = series.segments
        return cells_of_one_grain(cells, series.edges)
    return day_edges(series.bounds(wanted)).finer_parameters()


def tools(
    connection: Connection,
    kind: type[Kind],
    selection: Selection,
    tool_name: str | None,
    segments: list[Segment],
    prepare: Prepare = as_it_is,
    *,
    include_estimated: bool = False,
) -> list[Kind]:
    """Counts and times by tool, the most used first, as Tools or what `prepare` makes of them. Times are of measured durations, or of all."""
    parameters = selection.parameters() | split_parameters(segments, kept_of_tools)
    return fetch(connection, kind, _SQL.tools, parameters | {"tool_name": tool_name, "include_estimated": include_estimated}, prepare)


def kept_of_tools(segment: Segment) -> bool:
    """Whether tool_rollups has these buckets: all time, weeks or UTC days."""
    return segment.grain_minutes in (0, 1440, 10080)


def described(wanted: Range, series: Series) -> CountedRange:
    """The range that was counted, widened to quarters of an hour, and the interval of its series."""
    return CountedRange(wanted.start_time, wanted.end_time, wanted.tz.key, wanted.everything, series.interval)


def beginnings(wanted: Range, series: Series) -> list[tuple[datetime, str]]:
    """When each interval of a series begins, also as a person of the range's zone writes it."""
    dates = local_dates(series.edges, wanted.tz, series.interval)
    return [(datetime.fromtimestamp(edge, UTC), date) for edge, date in zip(series.edges[:-1], dates, strict=True)]


def _totals(
    connection: Connection, selection: Selection, wanted: Range, segments: list[Segment], idle_gap_seconds: int, went_on: int
) -> Totals:
    parameters = selection.parameters() | segment_parameters(segments) | {"idle_gap_seconds": idle_gap_seconds, "went_on": went_on}
    totals = fetch_one(connection, Totals, selection.statement("totals"), parameters)
    # A file that is in two projects counts once, so all projects together have no cell of all time, nor of an hour.
    if not wanted.everything or selection.project_id == ALL or selection.reads_rows_of_files:
        counted = [_WEEKS] if wanted.everything else segments
        totals.files_modified = _distinct_files(connection, selection, wanted, counted, None).get(0, 0)
    return totals


def _time_series(
    connection: Connection, selection: Selection, wanted: Range, series: Series, by_interval: Sequence[Continued]
) -> list[Point]:
    if not series.edges:
        return []
    # The rollup's own count is right only where an interval is one bucket, and of all users.
    own_grain = {"hour": 60, "day": 1440}.get(series.interval)
    has_own = not selection.reads_rows_of_files and (series.interval == "day" or selection.project_id != ALL)
    is_counted = has_own and all(each.grain_minutes == own_grain for each in series.segments)
    distinct = {} if is_counted else _distinct_files(connection, selection, wanted, series.segments, series)
    went_on = {each.i: each.continued for each in by_interval}
    begin = beginnings(wanted, series)

    def prepare(row: Row) -> None:
        row["start"], row["date"] = begin[row.pop("i")]
        row["active_sessions"] = row["sessions"]

    parameters = selection.parameters() | cells_of(selection, wanted, series)
    found = {point.start: point for point in fetch(connection, Point, selection.statement("series"), parameters, prepare)}
    shown = [found.get(start) or structs.replace(_QUIET, start=start, date=date) for start, date in begin]
    for number, point in enumerate(shown):
        point.active_sessions = active_sessions(point.sessions, went_on.get(number, 0))
        if not is_counted:
            point.files_modified = distinct.get(number, 0)
    return shown


# An interval without cells.
_QUIET: Final = Point(
    start=datetime.fromtimestamp(0, UTC), date="", sessions=0, active_sessions=0, time_minutes=0.0, active_minutes=0.0, messages=0, user_messages=0, assistant_messages=0,
    files_modified=0, lines_added=0, lines_removed=0, tool_calls=0, tool_errors=0, input_tokens=0, output_tokens=0, cache_creation_tokens=0,
    cache_read_tokens=0, api_calls=0, unpriced_calls=0, cost_usd=None, cache_saved_usd=None, uncached_input_usd=None, cache_unknown_calls=0,
)  # fmt: skip


def _users(connection: Connection, selection: Selection, segments: list[Segment], by_user: list[Continued]) -> list[UserShare]:
    went_on = {"went_on_users": [each.user_id for each in by_user], "went_on": [each.continued for each in by_user]}
    return fetch(connection, UserShare, selection.statement("users"), selection.parameters() | segment_parameters(segments) | went_on)


def _distinct_files(
    connection: Connection, selection: Selection, wanted: Range, segments: list[Segment], series: Series | None
) -> dict[int, int]:
    """By number of the interval, how many different files were touched in it. Without a series there is one interval, 0."""
    name = "distinct_files" if any(map(_has_file_sets, segments)) else "distinct_files_of_hours"
    parameters = selection.parameters() | split_parameters(segments, _has_file_sets) | {"edges": series.edges[:-1] if series else None}
    if selection.reads_rows_of_files:
        name, parameters = "distinct_files_of_rows", parameters | {"start": wanted.start_time, "end": wanted.end_time}
    elif series and len(segments) == 1 and not _has_file_sets(segments[0]):
        bounds = list(map(float, series.bounds(wanted)))
        intervals = {"grain": segments[0].grain_minutes, "starts": bounds[:-1], "ends": bounds[1:]}
        name, parameters = "distinct_files_by_interval", parameters | intervals
    return {row["i"]: row["files"] for row in rows(connection, _SQL[name], parameters)}


def _has_file_sets(segment: Segment) -> bool:
    return segment.grain_minutes in (1440, 10080)


def _top_files(connection: Connection, selection: Selection, wanted: Range, segments: list[Segment]) -> list[TopFile]:
    """The most touched files of the range. Over all projects, a file counts in each of its own."""
    found = _most_touched(connection, selection, wanted, segments)
    parameters = selection.parameters() | {
        "project_ids": [each.project_id for each in found],
        "file_keys": [each.file_key for each in found],
        "touches": [each.touches for each in found],
        "lines_added": [each.lines_added for each in found],
        "lines_removed": [each.lines_removed for each in found],
        "start": wanted.start_time or "-infinity",
        "end": wanted.end_time or "infinity",
    }
    shown = fetch(connection, TopFile, _SQL.shown_files, parameters)
    if selection.project_id != ALL:
        for each in shown:
            each.project_id = UNSET
    return shown


def _most_touched(connection: Connection, selection: Selection, wanted: Range, segments: list[Segment]) -> list[_Touched]:
    """In a long range only candidates are added up: a file is touched in a range at most as often as ever."""
    parameters = selection.parameters() | {"top": TOP_FILES}
    if selection.reads_rows_of_files:
        of_rows = parameters | {"start": wanted.start_time, "end": wanted.end_time}
        return fetch(connection, _Touched, _SQL.top_files_of_rows, of_rows)
    if wanted.everything:
        return fetch(connection, _Touched, _SQL.top_files_of_all_time, parameters)
    if wanted.end - wanted.start > MANY_DAYS:
        of_candidates = parameters | split_parameters(segments, _has_file_sets) | {"candidates": CANDIDATES}
        found = fetch(connection, _Touched, _SQL.top_files_of_candidates, of_candidates)
        if _are_surely_the_top(found):
            return found
    return fetch(connection, _Touched, _SQL.top_files_of_range, parameters | segment_parameters(segments))


def _are_surely_the_top(found: list[_Touched]) -> bool:
    """Whether no file that was not a candidate can be among them."""
    return bool(found) and (found[0].candidates < CANDIDATES or (len(found) == TOP_FILES and found[-1].touches > found[0].least))


def _heatmap(connection: Connection, selection: Selection, wanted: Range) -> list[HeatmapCell]:
    """168 cells, one for each hour of a week of the zone.

    A week's rollup knows its quarters of an hour. They are added up in UTC, apart for each period in which the zone has one offset; the few
    sums are then moved by that offset. So hours in summer and in winter follow local time.
    """
    starts, offsets = offset_periods(wanted.tz)
    keys = selection.parameters() | {"offset_starts": starts}
    # Where the zone's hours begin with UTC's, hours are fine enough.
    fine = (60, 15) if not selection.reads_rows and all(offset % HOUR == 0 for offset in offsets) else (15,)
    packed: list[_Packed] = []
    if not selection.reads_rows:
        segments = within_periods(wanted, starts, (10080, *fine))
        packed = fetch(connection, _Packed, _SQL.active_quarters, segment_parameters(segments) | keys)
    if not selection.reads_rows and all(each.active_us < holds(ACTIVE_DIGITS) for each in packed):
        active = [(each.period, quarter, us) for each in packed for quarter, us in counters(each.active, ACTIVE_DIGITS)]
    else:
        parameters = segment_parameters(within_periods(wanted, starts, fine)) | keys
        apart = fetch(connection, _Quarter, selection.statement("active_quarters_apart"), parameters)
        active = [(each.period, each.quarter, int(each.active_us)) for each in apart]
    active_us = [0] * 168
    for period, quarter, microseconds in active:
        active_us[(quarter * QUARTER + offsets[period - 1]) % WEEK // HOUR] += microseconds
    return [HeatmapCell(n // 24, n % 24, active_us[n] / 60e6) for n in range(168)]
