"""Failed tool calls by class: counts from error_rollups, and the newest calls of each class. Its statements are in tool_errors.sql."""

from collections import Counter, defaultdict
from functools import partial
from math import inf
from typing import Final

from services.query.database import Connection, Row, rows
from services.query.queries.stats.day_edges import OUTSIDE, day_edges
from services.query.queries.stats.ranges import DAY, Range, Segment, described_range, segment_parameters, split_parameters
from services.query.queries.stats.stats import Selection, Series, kept_of_tools, points, series_of
from shared.events.messages import EARLIEST, LATEST
from shared.http.errors import invalid
from shared.sql_files import statement
from shared.terms import terms

# Most tools that are named of a class.
MOST_TOOLS: Final = 20
# How the class of a call is shown that was stored before there were classes. No rule may give it (services/worker/persist/derived_values/error_classes.py).
UNCLASSIFIED: Final = "unclassified"

_sql = partial(statement, __package__, "tool_errors.sql")


def check_error_class(connection: Connection, name: str | None) -> None:
    """400 that names the classes, for one that no rule gives and no stored call has. None is no filter."""
    if name is None or name in terms().error_classes:
        return
    known = {*terms().error_classes} | {row["error_class"] for row in rows(connection, _sql("stored_classes"))} - {""}
    if name not in known:
        raise invalid("error_class", f"is not known; it is one of {', '.join(sorted(known))}")


def error_classes(connection: Connection, selection: Selection, tool_name: str | None, segments: list[Segment]) -> list[Row]:
    """tool_name, error_class, calls; the most calls first. Every call counts that did not succeed: error, timeout, rejected, cancelled."""
    parameters = selection.parameters() | split_parameters(segments, kept_of_tools) | {"tool_name": tool_name}
    return [row | {"error_class": row["error_class"] or UNCLASSIFIED} for row in rows(connection, _sql("classes"), parameters)]


def by_class(found: list[Row]) -> list[Row]:
    """The sums over the tools: error_class, calls; the most calls first."""
    calls: Counter[str] = Counter()
    for row in found:
        calls[row["error_class"]] += row["calls"]
    return [{"error_class": name, "calls": calls[name]} for name in sorted(calls, key=lambda name: (-calls[name], name))]


def tool_errors(
    connection: Connection, selection: Selection, tool_name: str | None, error_class: str | None, wanted: Range, *, examples: int
) -> Row:
    """Classes of failed calls in a range, or one class, with up to `examples` of the newest calls of each (schemas/tool_errors.py).

    If the range has an interval, there is a time series too.
    """
    check_error_class(connection, error_class)
    found = error_classes(connection, selection, tool_name, selection.cover(wanted.start, wanted.end))
    total = sum(row["calls"] for row in found)
    classes = [row for row in by_class(found) if error_class in (None, row["error_class"])]
    chosen = selection.parameters() | {"tool_name": tool_name, "most": max(examples, 1)}
    newest = _newest_calls(connection, selection, [row["error_class"] for row in classes], wanted, chosen)
    answer = {
        "range": described_range(wanted),
        "failed_calls": total,
        "classes": [
            row
            | {
                "share": row["calls"] / total,
                "tools": _tools_of(found, row["error_class"]),
                "last_seen": next((call["timestamp"] for call in newest[row["error_class"]]), None),
                "examples": newest[row["error_class"]][:examples],
            }
            for row in classes
        ],
    }
    return answer if wanted.interval is None else _with_trend(connection, selection, tool_name, wanted, answer)


def _with_trend(connection: Connection, selection: Selection, tool_name: str | None, wanted: Range, answer: Row) -> Row:
    """The answer with a time series of all failed calls, and in each class those of its own in the same intervals."""
    series = series_of(connection, selection, wanted)
    over_time = _over_time(connection, selection, tool_name, wanted, series)
    quiet = [0] * len(series.edges[1:])
    sums = [sum(of_interval) for of_interval in zip(quiet, *over_time.values(), strict=True)]
    return {
        "range": answer["range"] | {"interval": series.interval},
        "failed_calls": answer["failed_calls"],
        "classes": [row | {"calls_over_time": over_time.get(row["error_class"], quiet)} for row in answer["classes"]],
        "time_series": [point | {"calls": calls} for point, calls in zip(points(wanted, series), sums, strict=True)],
    }


def _over_time(connection: Connection, selection: Selection, tool_name: str | None, wanted: Range, series: Series) -> dict[str, list[int]]:
    """By class, its calls in each interval."""
    bounds = series.bounds(wanted)
    if not bounds:
        return {}
    parameters = selection.parameters() | {"tool_name": tool_name, "bounds": bounds} | _read_from(series, bounds, selection)
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(bounds[1:]))
    for row in rows(connection, _sql("classes_over_time"), parameters):
        found[row["error_class"] or UNCLASSIFIED][row["i"]] = row["calls"]
    return found


def _read_from(series: Series, bounds: list[float], selection: Selection) -> Row:
    """The buckets and the calls that make up the series, for SQL.

    Days and weeks of any zone are made of UTC days and of the calls around midnight (day_edges.py); months mostly of weeks; hours of calls.
    """
    if series.interval in ("day", "week") and selection.machine is None and not all(map(kept_of_tools, series.segments)):
        days = day_edges(bounds)
        read: Row = {"edges": days.edges[:-1]} | segment_parameters([Segment(1440, days.edges[0], days.edges[-1])])
        names = {"fine_starts": "start", "fine_ends": "end", "wrongs": "wrong"}
        return read | {name: [getattr(each, field) for each in days.corrections] for name, field in names.items()}
    split = split_parameters(series.segments, kept_of_tools)
    return split | {"edges": bounds[:-1], "wrongs": [OUTSIDE] * len(split["fine_starts"])}


def _tools_of(found: list[Row], error_class: str) -> list[Row]:
    of_class = [row for row in found if row["error_class"] == error_class]
    return [{name: row[name] for name in ("tool_name", "calls")} for row in of_class[:MOST_TOOLS]]


def _newest_calls(connection: Connection, selection: Selection, classes: list[str], wanted: Range, chosen: Row) -> dict[str, list[Row]]:
    """By class its newest calls. They are looked for in the days in which the class occurred, since a rare one may be long ago."""
    start, end = float(max(wanted.start, EARLIEST.timestamp())), float(min(wanted.end, LATEST.timestamp()))
    stored = ["" if name == UNCLASSIFIED else name for name in classes]
    windows = [(name, start, end) for name in stored]
    if selection.machine is None:
        # In the days at both ends of the range, all calls may lie outside of it.
        parameters = chosen | {"classes": stored, "start": start, "end": end, "days": chosen["most"] + 2}
        days = rows(connection, _sql("newest_days"), parameters)
        windows = [(day["error_class"], max(day["start"], start), min(day["start"] + DAY, end)) for day in days if day["start"] > -inf]
    names, starts, ends = zip(*windows, strict=True) if windows else ((), (), ())
    parameters = chosen | {"classes": list(names), "window_starts": list(starts), "window_ends": list(ends)}
    newest: dict[str, list[Row]] = defaultdict(list)
    for row in rows(connection, _sql("newest_calls"), parameters):
        newest[row.pop("error_class") or UNCLASSIFIED].append(row)
    return newest
