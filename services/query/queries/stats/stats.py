"""The stats of a project, or of all: totals, a time series, tools, files, users, and a heatmap of the week. Its statements are in stats.sql."""

from functools import partial
from math import inf
from typing import Final

from msgspec import Struct

from services.query.answers.stats import Interval
from services.query.database import Connection, Row, one_row, rows
from services.query.queries.stats.active_sessions import active_sessions, add_continued, continued
from services.query.queries.stats.day_edges import cells_of_one_grain, day_edges
from services.query.queries.stats.offsets import offset_periods, within_periods
from services.query.queries.stats.packed_counters import ACTIVE_DIGITS, counters, holds
from services.query.queries.stats.ranges import (
    DAY,
    HOUR,
    QUARTER,
    WEEK,
    Range,
    Segment,
    at,
    cover,
    cover_series,
    described_range,
    local_dates,
    newest,
    segment_parameters,
    series_edges,
    series_range,
    split_parameters,
)
from shared.database import ALL
from shared.sql_files import statement

TOP_FILES: Final = 20
# In a range of more than 100 days, only this many files are added up: those with the most touches of all time.
CANDIDATES: Final = 256
MANY_DAYS: Final = 100 * DAY

# `continued`: sessions that were active and had begun before (active_sessions.py).
MEASURES: Final = (
    "sessions", "continued", "wall_us", "active_us", "user_messages", "assistant_messages", "files_modified", "lines_added", "lines_removed",
    "tool_calls", "tool_errors", "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "api_calls", "unpriced_calls",
)  # fmt: skip
# Those that are shown as dollars, and how many calls the last two are of.
MONEY: Final = ("cost_nano_usd", "cache_priced_calls", "uncached_nano_usd", "cache_saved_nano_usd")
USER_MEASURES: Final = (
    "sessions", "active_sessions", "messages", "active_minutes", "tool_calls", "lines_added", "lines_removed", "api_calls", "unpriced_calls", "cost_usd",
)  # fmt: skip

_sql = partial(statement, __package__, "stats.sql")


class Selection(Struct, frozen=True):
    """The data that is counted: one project's or all, one user's or all; perhaps of one machine, by its id or name."""

    project_id: int = ALL
    user_id: int = ALL
    machine: str | None = None

    def parameters(self) -> Row:
        """For SQL."""
        return {"project_id": self.project_id, "user_id": self.user_id, "machine": self.machine}

    @property
    def reads_rows_of_files(self) -> bool:
        """Whether files are counted from the rows, because the rollups of files know only projects."""
        return self.user_id != ALL or self.machine is not None

    def statement(self, name: str) -> str:
        """A statement of stats.sql that reads activity_rollups. For a machine it reads cells of quarters that are made of the rows."""
        return _sql(name) if self.machine is None else _sql("activity_of_machine") + _sql(name)

    def cover(self, start: float, end: float) -> list[Segment]:
        """The buckets that make up [start, end)."""
        return cover(start, end) if self.machine is None else [Segment(15, start, end)]


class Series(Struct, frozen=True):
    """The intervals of a time series: their length, where they begin and the last one ends, and the buckets that make them up. Empty without data."""

    interval: Interval
    edges: list[int]
    segments: list[Segment]

    def bounds(self, wanted: Range) -> list[float]:
        """The edges, cut to the range: what lies outside of it does not count in the first and the last interval."""
        return [max(self.edges[0], wanted.start), *self.edges[1:-1], min(self.edges[-1], wanted.end)] if self.edges else []


def stats(connection: Connection, selection: Selection, wanted: Range, idle_gap_seconds: int) -> Row:
    """The stats of a selection in a range, all but the project itself (schemas/stats.py)."""
    segments = selection.cover(wanted.start, wanted.end)
    series = series_of(connection, selection, wanted)
    chosen = selection.parameters()
    by_user = continued(connection, chosen, [wanted.start, wanted.end], idle_gap_seconds, by=["user"])
    by_interval = continued(connection, chosen, series.bounds(wanted), idle_gap_seconds, by=["interval"])
    return {
        "range": described(wanted, series),
        "totals": _totals(connection, selection, wanted, segments, idle_gap_seconds, sum(row["continued"] for row in by_user)),
        "time_series": _time_series(connection, selection, wanted, series, {row["i"]: row["continued"] for row in by_interval}),
        "tools": tools(connection, selection, None, segments),
        "top_files": _top_files(connection, selection, wanted, segments),
        "users": _users(connection, selection, segments, by_user),
        "heatmap": _heatmap(connection, selection, wanted),
    }


def series_of(connection: Connection, selection: Selection, wanted: Range, *, newest_points: bool = False) -> Series:
    """The intervals between the range's ends, or where those are open, the data's.

    BadRequest if the interval that was asked for makes too many of them; with `newest_points` the newest are given instead.
    """
    bounds = {"first": None, "last": None}
    if inf in (wanted.end, -wanted.start):
        bounds = one_row(connection, selection.statement("series_bounds"), selection.parameters())
    first, last = bounds["first"], bounds["last"]
    if first is None and inf in (wanted.end, -wanted.start):
        return Series(wanted.interval or "day", [], [])
    if newest_points:
        wanted = newest(wanted, first or 0, last or 0)
    wanted = series_range(wanted, first or 0, last or 0)
    assert wanted.interval is not None
    edges = series_edges(wanted, first or 0, last or 0)
    if not edges:
        return Series(wanted.interval, edges, [])
    if selection.machine is not None:
        return Series(wanted.interval, edges, selection.cover(max(edges[0], wanted.start), min(edges[-1], wanted.end)))
    return Series(wanted.interval, edges, cover_series(wanted, edges))


def series_rows(connection: Connection, selection: Selection, wanted: Range, series: Series, name: str = "series") -> dict[int, Row]:
    """By number of the interval, its sums by the statement of that name; only those of which there are cells. Distinct files are not added up yet."""
    if not series.edges:
        return {}
    parameters = selection.parameters() | _cells_of(selection, wanted, series)
    return {row.pop("i"): row for row in rows(connection, selection.statement(name), parameters)}


def _cells_of(selection: Selection, wanted: Range, series: Series) -> Row:
    """The cells that make up a series, for SQL. Days of any zone, and what is longer, are made of UTC days."""
    if series.interval == "hour" or selection.machine is not None:
        [cells] = series.segments
        return cells_of_one_grain(cells, series.edges)
    return day_edges(series.bounds(wanted)).finer_parameters()


def tools(
    connection: Connection, selection: Selection, tool_name: str | None, segments: list[Segment], *, include_estimated: bool = False
) -> list[Row]:
    """Counts and times by tool, the most used first. Times are of measured durations, with `include_estimated` of all."""
    parameters = selection.parameters() | split_parameters(segments, kept_of_tools)
    return rows(connection, _sql("tools"), parameters | {"tool_name": tool_name, "include_estimated": include_estimated})


def kept_of_tools(segment: Segment) -> bool:
    """Whether tool_rollups has these buckets: all time, weeks or UTC days."""
    return segment.grain_minutes in (0, 1440, 10080)


def described(wanted: Range, series: Series) -> Row:
    """The range that was counted, widened to quarters of an hour, and the interval of its series."""
    return described_range(wanted) | {"interval": series.interval}


def cost_usd(row: Row) -> float | None:
    """The total cost of calls with a known price, or the cost in a claude.json. None where neither is known; unknown is not 0."""
    is_priced = row["api_calls"] > row["unpriced_calls"] or row["cost_nano_usd"] > 0
    return float(row["cost_nano_usd"]) / 1e9 if is_priced else None


def money(row: Row) -> Row:
    """Cost, and what the cache saved, as they are shown. What the cache saved is of calls alone: a claude.json does not tell."""
    is_known = row["cache_priced_calls"] > 0
    return {
        "cost_usd": cost_usd(row),
        "cache_saved_usd": float(row["cache_saved_nano_usd"]) / 1e9 if is_known else None,
        "uncached_input_usd": float(row["uncached_nano_usd"]) / 1e9 if is_known else None,
        "cache_unknown_calls": row["api_calls"] - row["unpriced_calls"] - row["cache_priced_calls"],
    }


def _totals(
    connection: Connection, selection: Selection, wanted: Range, segments: list[Segment], idle_gap_seconds: int, went_on: int
) -> Row:
    parameters = selection.parameters() | segment_parameters(segments) | {"idle_gap_seconds": idle_gap_seconds}
    found = one_row(connection, selection.statement("totals"), parameters)
    if not wanted.everything or selection.reads_rows_of_files:
        found["files_modified"] = _distinct_files(connection, selection, wanted, segments, None).get(0, 0)
    measures = _measures(found | {"continued": went_on})
    times = {name: measures.pop(name) for name in ("sessions", "active_sessions", "time_minutes", "active_minutes")}
    return times | {"idle_gap_seconds": found["idle_gap_seconds"]} | measures


def points(wanted: Range, series: Series) -> list[Row]:
    """Where each interval of a series begins: `start`, and `date` in the range's zone."""
    dates = local_dates(series.edges, wanted.tz, series.interval)
    return [{"start": at(edge), "date": date} for edge, date in zip(series.edges[:-1], dates, strict=True)]


def _time_series(connection: Connection, selection: Selection, wanted: Range, series: Series, went_on: dict[int, int]) -> list[Row]:
    found = series_rows(connection, selection, wanted, series)
    # The rollup's own count is right only where an interval is one bucket, and of all users.
    own_grain = {"hour": 60, "day": 1440}.get(series.interval)
    if found and (selection.reads_rows_of_files or any(each.grain_minutes != own_grain for each in series.segments)):
        distinct = _distinct_files(connection, selection, wanted, series.segments, series)
        for number, row in found.items():
            row["files_modified"] = distinct.get(number, 0)
    sums = [found.get(number, _NO_SUMS) | {"continued": went_on.get(number, 0)} for number in range(len(series.edges) - 1)]
    return [point | _measures(row) for point, row in zip(points(wanted, series), sums, strict=True)]


def _users(connection: Connection, selection: Selection, segments: list[Segment], went_on: list[Row]) -> list[Row]:
    found = rows(connection, selection.statement("users"), selection.parameters() | segment_parameters(segments))
    found = add_continued(found, went_on, lambda row: row["user"], _NO_SUMS)
    return [
        {"user": row["user"]} | {name: measures[name] for name in USER_MEASURES}
        for row in found
        if (measures := _measures(row)) != _NOTHING
    ]


def _measures(row: Row) -> Row:
    """Sums as they are shown."""
    return {
        "sessions": row["sessions"],
        "active_sessions": active_sessions(row),
        "time_minutes": row["wall_us"] / 60e6,
        "active_minutes": row["active_us"] / 60e6,
        "messages": row["user_messages"] + row["assistant_messages"],
        **{name: row[name] for name in MEASURES[4:]},
        **money(row),
    }


_NO_SUMS: Final = dict.fromkeys((*MEASURES, *MONEY), 0)
_NOTHING: Final = _measures(_NO_SUMS)


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
        name, parameters = (
            "distinct_files_by_interval",
            parameters | {"grain": segments[0].grain_minutes, "starts": bounds[:-1], "ends": bounds[1:]},
        )
    return {row["i"]: row["files"] for row in rows(connection, _sql(name), parameters)}


def _has_file_sets(segment: Segment) -> bool:
    return segment.grain_minutes in (1440, 10080)


def _top_files(connection: Connection, selection: Selection, wanted: Range, segments: list[Segment]) -> list[Row]:
    """The most touched files of the range. Over all projects, a file counts in each of its own."""
    found = _most_touched(connection, selection, wanted, segments)
    parameters = {f"{name}s": [row[name] for row in found] for name in ("project_id", "file_key")}
    parameters |= {name: [row[name] for row in found] for name in ("touches", "lines_added", "lines_removed")}
    bounds = {
        "start": wanted.start_time or "-infinity",
        "end": wanted.end_time or "infinity",
        "user_id": selection.user_id,
        "machine": selection.machine,
    }
    shown = rows(connection, _sql("shown_files"), parameters | bounds)
    if selection.project_id != ALL:
        for row in shown:
            del row["project_id"]
    return shown


def _most_touched(connection: Connection, selection: Selection, wanted: Range, segments: list[Segment]) -> list[Row]:
    """In a long range only candidates are added up: a file is touched in a range at most as often as ever."""
    parameters = selection.parameters() | {"top": TOP_FILES}
    if selection.reads_rows_of_files:
        return rows(connection, _sql("top_files_of_rows"), parameters | {"start": wanted.start_time, "end": wanted.end_time})
    if wanted.everything:
        return rows(connection, _sql("top_files_of_all_time"), parameters)
    if wanted.end - wanted.start > MANY_DAYS:
        of_candidates = parameters | split_parameters(segments, _has_file_sets) | {"candidates": CANDIDATES}
        found = rows(connection, _sql("top_files_of_candidates"), of_candidates)
        if _are_surely_the_top(found):
            return found
    return rows(connection, _sql("top_files_of_range"), parameters | segment_parameters(segments))


def _are_surely_the_top(found: list[Row]) -> bool:
    """Whether no file that was not a candidate can be among them."""
    return bool(found) and (found[0]["candidates"] < CANDIDATES or (len(found) == TOP_FILES and found[-1]["touches"] > found[0]["least"]))


def _heatmap(connection: Connection, selection: Selection, wanted: Range) -> list[Row]:
    """168 rows: weekday (0 is Monday), hour of the zone, active minutes.

    A week's rollup knows its quarters of an hour. They are added up in UTC, apart for each period in which the zone has one offset; the few
    sums are then moved by that offset. So hours in summer and in winter follow local time.
    """
    starts, offsets = offset_periods(wanted.tz)
    keys = selection.parameters() | {"offset_starts": starts}
    # Where the zone's hours begin with UTC's, hours are fine enough.
    fine = (60, 15) if selection.machine is None and all(offset % HOUR == 0 for offset in offsets) else (15,)
    packed: list[Row] = []
    if selection.machine is None:
        segments = within_periods(wanted, starts, (10080, *fine))
        packed = rows(connection, _sql("active_quarters"), segment_parameters(segments) | keys)
    if selection.machine is None and all(row["active_us"] < holds(ACTIVE_DIGITS) for row in packed):
        active = [(row["period"], quarter, us) for row in packed for quarter, us in counters(row["active"], ACTIVE_DIGITS)]
    else:
        parameters = segment_parameters(within_periods(wanted, starts, fine)) | keys
        apart = rows(connection, selection.statement("active_quarters_apart"), parameters)
        active = [(row["period"], row["quarter"], int(row["active_us"])) for row in apart]
    active_us = [0] * 168
    for period, quarter, microseconds in active:
        active_us[(quarter * QUARTER + offsets[period - 1]) % WEEK // HOUR] += microseconds
    return [{"weekday": n // 24, "hour": n % 24, "active_minutes": active_us[n] / 60e6} for n in range(168)]
