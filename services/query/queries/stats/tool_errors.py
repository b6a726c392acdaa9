"""Failed tool calls by class: counts from error_rollups, and the newest calls of each class. Its statements are in tool_errors.sql."""

from collections import Counter, defaultdict
from datetime import datetime
from math import inf
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from services.query.answers.answer import Answer
from services.query.answers.fields import doc
from services.query.answers.stats import ErrorCount, Interval, LocalDate, UsageRange
from services.query.database import Connection, Row, fetch, rows
from services.query.queries.stats.day_edges import OUTSIDE, day_edges
from services.query.queries.stats.ranges import DAY, Range, Segment, segment_parameters, split_parameters
from services.query.queries.stats.stats import Selection, Series, beginnings, kept_of_tools, series_of
from shared.events.messages import EARLIEST, LATEST
from shared.http.errors import invalid
from shared.sql_files import SqlFile
from shared.terms import terms


class FailedTool(Answer):
    tool_name: str
    calls: int


class FailedCall(Answer):
    id: UUID
    session_id: str | None
    project_id: int | None
    tool_name: str
    result_status: Literal["error", "rejected", "cancelled", "timeout"]
    timestamp: datetime | None
    input: Annotated[
        str | None,
        doc(
            "The beginning of what it was called with: its command, path, pattern or URL, else all parameters as JSON.",
            examples=["npm test"],
        ),
    ]
    error: Annotated[str | None, doc("The beginning of what Claude was told; null if not kept.", examples=["Exit code 1"])]


class ErrorClass(ErrorCount, kw_only=True):
    share: Annotated[float, doc("Of all failed calls, from 0 to 1.")]
    tools: Annotated[list[FailedTool], doc("The 20 tools with the most calls of this class.")]
    last_seen: datetime | None
    examples: Annotated[list[FailedCall], doc("The newest calls.")]
    calls_over_time: Annotated[
        list[int] | UnsetType,
        doc(
            "Only with `interval`: how many of the calls are in each interval, one number for each point of `time_series`. "
            "Calls without a date are in none.",
            examples=[[0, 2, 0]],
        ),
    ] = UNSET


class FailedPoint(Answer):
    start: datetime
    date: LocalDate
    calls: Annotated[int, doc("Failed calls of all classes.")]


class ErrorRange(UsageRange, kw_only=True):
    """The range that was counted: [start, end), null where open."""

    interval: Annotated[Interval | UnsetType, doc("Only with `interval`: that of the time series.")] = UNSET


class ToolErrors(Answer, kw_only=True):
    range: ErrorRange
    failed_calls: Annotated[int, doc("Calls that did not succeed: errors, timeouts, rejected and cancelled ones.")]
    classes: Annotated[list[ErrorClass], doc("The most frequent class first.")]
    time_series: Annotated[
        list[FailedPoint] | UnsetType, doc("Only with `interval`: points without gaps. Those of each class are in its `calls_over_time`.")
    ] = UNSET


# Most tools that are named of a class.
MOST_TOOLS: Final = 20
# How the class of a call is shown that was stored before there were classes. No rule may give it (services/worker/persist/derived_values/error_classes.py).
UNCLASSIFIED: Final = "unclassified"

_SQL: Final = SqlFile(__package__, "tool_errors.sql", "parts.sql")


class FailedCalls(Struct, frozen=True):
    """How many calls of a tool failed for one reason. Every call counts that did not succeed: error, timeout, rejected, cancelled."""

    tool_name: str
    error_class: str
    calls: int


class _Day(Struct, frozen=True):
    """A UTC day in which a class occurred; -inf: calls without a date."""

    error_class: str
    start: float


def check_error_class(connection: Connection, name: str | None) -> None:
    """400 that names the classes, for one that no rule gives and no stored call has. None is no filter."""
    if name is None or name in terms().error_classes:
        return
    known = {*terms().error_classes} | {row["error_class"] for row in rows(connection, _SQL.stored_classes)} - {""}
    if name not in known:
        raise invalid("error_class", f"is not known; it is one of {', '.join(sorted(known))}")


def error_classes(connection: Connection, selection: Selection, tool_name: str | None, segments: list[Segment]) -> list[FailedCalls]:
    """By tool and class, the most calls first."""
    parameters = selection.parameters() | split_parameters(segments, kept_of_tools) | {"tool_name": tool_name}
    return fetch(connection, FailedCalls, _SQL.classes, parameters, _name_class)


def _name_class(row: Row) -> None:
    row["error_class"] = row["error_class"] or UNCLASSIFIED


def by_class(found: list[FailedCalls]) -> list[ErrorCount]:
    """The sums over the tools, the most calls first."""
    calls: Counter[str] = Counter()
    for each in found:
        calls[each.error_class] += each.calls
    return [ErrorCount(name, calls[name]) for name in sorted(calls, key=lambda name: (-calls[name], name))]


def tool_errors(
    connection: Connection, selection: Selection, tool_name: str | None, error_class: str | None, wanted: Range, *, examples: int
) -> ToolErrors:
    """Classes of failed calls in a range, or one class, with up to `examples` of the newest calls of each.

    If the range has an interval, there is a time series of all failed calls, and in each class those of its own in the same intervals.
    """
    check_error_class(connection, error_class)
    found = error_classes(connection, selection, tool_name, selection.cover(wanted.start, wanted.end))
    total = sum(each.calls for each in found)
    classes = [each for each in by_class(found) if error_class in (None, each.error_class)]
    chosen = selection.parameters() | {"tool_name": tool_name, "most": max(examples, 1)}
    newest = _newest_calls(connection, selection, [each.error_class for each in classes], wanted, chosen)
    series = None if wanted.interval is None else series_of(connection, selection, wanted)
    over_time = {} if series is None else _over_time(connection, selection, tool_name, wanted, series)
    return ToolErrors(
        range=ErrorRange(
            wanted.start_time, wanted.end_time, wanted.tz.key, wanted.everything, interval=UNSET if series is None else series.interval
        ),
        failed_calls=total,
        classes=[
            ErrorClass(
                each.error_class,
                each.calls,
                share=each.calls / total,
                tools=[FailedTool(of.tool_name, of.calls) for of in found if of.error_class == each.error_class][:MOST_TOOLS],
                last_seen=next((call.timestamp for call in newest[each.error_class]), None),
                examples=newest[each.error_class][:examples],
                calls_over_time=UNSET if series is None else over_time.get(each.error_class, _quiet(series)),
            )
            for each in classes
        ],
        time_series=UNSET if series is None else _all_classes(wanted, series, over_time),
    )


def _quiet(series: Series) -> list[int]:
    """No calls in any interval."""
    return [0] * len(series.edges[1:])


def _all_classes(wanted: Range, series: Series, over_time: dict[str, list[int]]) -> list[FailedPoint]:
    sums = map(sum, zip(_quiet(series), *over_time.values(), strict=True))
    return [FailedPoint(start, date, calls) for (start, date), calls in zip(beginnings(wanted, series), sums, strict=True)]


def _over_time(connection: Connection, selection: Selection, tool_name: str | None, wanted: Range, series: Series) -> dict[str, list[int]]:
    """By class, its calls in each interval."""
    bounds = series.bounds(wanted)
    if not bounds:
        return {}
    parameters = selection.parameters() | {"tool_name": tool_name, "bounds": bounds} | _read_from(series, bounds, selection)
    found: dict[str, list[int]] = defaultdict(lambda: _quiet(series))
    for row in rows(connection, _SQL.classes_over_time, parameters):
        found[row["error_class"] or UNCLASSIFIED][row["i"]] = row["calls"]
    return found


def _read_from(series: Series, bounds: list[float], selection: Selection) -> Row:
    """The buckets and the calls that make up the series, for SQL.

    Days and weeks of any zone are made of UTC days and of the calls around midnight (day_edges.py); months mostly of weeks; hours of calls.
    """
    if series.interval in ("day", "week") and not selection.reads_rows and not all(map(kept_of_tools, series.segments)):
        days = day_edges(bounds)
        read: Row = {"edges": days.edges[:-1]} | segment_parameters([Segment(1440, days.edges[0], days.edges[-1])])
        names = {"fine_starts": "start", "fine_ends": "end", "wrongs": "wrong"}
        return read | {name: [getattr(each, field) for each in days.corrections] for name, field in names.items()}
    split = split_parameters(series.segments, kept_of_tools)
    return split | {"edges": bounds[:-1], "wrongs": [OUTSIDE] * len(split["fine_starts"])}


def _newest_calls(
    connection: Connection, selection: Selection, classes: list[str], wanted: Range, chosen: Row
) -> defaultdict[str, list[FailedCall]]:
    """By class its newest calls. They are looked for in the days in which the class occurred, since a rare one may be long ago."""
    start, end = float(max(wanted.start, EARLIEST.timestamp())), float(min(wanted.end, LATEST.timestamp()))
    stored = ["" if name == UNCLASSIFIED else name for name in classes]
    windows = [(name, start, end) for name in stored]
    if not selection.reads_rows:
        # In the days at both ends of the range, all calls may lie outside of it.
        parameters = chosen | {"classes": stored, "start": start, "end": end, "days": chosen["most"] + 2}
        days = fetch(connection, _Day, _SQL.newest_days, parameters)
        windows = [(day.error_class, max(day.start, start), min(day.start + DAY, end)) for day in days if day.start > -inf]
    names, starts, ends = zip(*windows, strict=True) if windows else ((), (), ())
    parameters = chosen | {"classes": list(names), "window_starts": list(starts), "window_ends": list(ends)}
    of_calls: list[str] = []
    calls = fetch(connection, FailedCall, _SQL.newest_calls, parameters, lambda row: of_calls.append(row.pop("error_class")))
    newest: defaultdict[str, list[FailedCall]] = defaultdict(list)
    for name, call in zip(of_calls, calls, strict=True):
        newest[name or UNCLASSIFIED].append(call)
    return newest
