"""The answer of /api/usage: tokens, cost and activity by one or two dimensions. Its statements are in usage.sql.

Three sources. activity_rollups know intervals, projects and users. usage_rollups know models too, but tokens and cost only. Sessions,
branches and machines are in no rollup: they are summed up from the rows, or from the totals of sessions where no date limits them.

Intervals of any zone are made of UTC days (day_edges.py).
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, floor, isinf
from typing import Any, Final, Literal, cast, get_args

from msgspec import Struct, structs

from services.query.answers.stats import Interval
from services.query.database import Connection, Row, rows
from services.query.queries.stats.active_sessions import active_sessions, add_continued, continued
from services.query.queries.stats.day_edges import OUTSIDE, Correction, DayEdges, correction_arrays, day_edges
from services.query.queries.stats.ranges import MAX_POINTS, QUARTER, Range, at, cover, described_range, local_dates
from services.query.queries.stats.stats import MONEY, Selection, Series, money, series_of
from shared.database import ALL
from shared.http.errors import BadRequest, invalid
from shared.sql_files import statement

Dimension = Literal["day", "week", "month", "project", "user", "model", "session", "branch", "machine"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
INTERVALS: Final = ("day", "week", "month")
MAX_ROWS: Final = MAX_POINTS
# The fields of an item that tell its group.
KEY_FIELDS: Final[dict[Dimension, tuple[str, ...]]] = {each: (each,) for each in DIMENSIONS} | {
    "project": ("project_id", "project_name"),
    "session": ("session_id", "session_title"),
    "machine": ("machine_id", "machine"),
}

TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
MEASURES: Final = (*TOKENS, "api_calls", "unpriced_calls", *MONEY)
COUNTS: Final = ("messages", "tool_calls", "tool_errors", "lines_added", "lines_removed")
# `continued` sessions were active and had begun before (active_sessions.py).
ACTIVITY: Final = ("sessions", "continued", "active_us", *COUNTS)
KEYS: Final = ("i", "project_id", "user_id", "model", "session_id", "branch", "machine_id")
# The largest integer that every reader of JSON takes as it is.
MAX_SHOWN: Final = 2**53 - 1
_NO_SUMS: Final = dict.fromkeys((*ACTIVITY, *MEASURES), 0)

_sql = partial(statement, __package__, "usage.sql")
# Rows of some dimensions: their keys, as far as they are asked for, and their sums.
Source = Callable[[Sequence[Dimension], Series], list[Row]]


class UsageQuestion(Struct, frozen=True):
    """The dimensions of the sums: one or two, with at most one interval among them."""

    dimensions: tuple[Dimension, ...]
    selection: Selection
    wanted: Range
    idle_gap_seconds: int
    model: str | None = None
    session_id: str | None = None
    branch: str | None = None

    @property
    def interval(self) -> Interval | None:
        """The dimension that is one of time."""
        return next((cast(Interval, each) for each in self.dimensions if each in INTERVALS), None)

    @property
    def has_models(self) -> bool:
        """Whether models are told apart. Only API calls have one."""
        return "model" in self.dimensions or self.model is not None

    @property
    def has_sessions(self) -> bool:
        """Whether sessions are told apart."""
        return bool({"session", "branch", "machine"} & set(self.dimensions)) or (
            self.session_id is not None or self.branch is not None or self.selection.machine is not None
        )


def dimensions_of(group_by: str) -> tuple[Dimension, ...]:
    """The dimensions of a `group_by`; BadRequest if it is not one or two different ones, at most one of them of time."""
    found = tuple(group_by.split(","))
    if not set(found) <= set(DIMENSIONS) or len(found) > 2:
        raise invalid("group_by", f"use one or two of {', '.join(DIMENSIONS)}, with a comma between them")
    if len(set(found)) < len(found) or len(set(found) & set(INTERVALS)) > 1:
        raise invalid("group_by", f"use two different dimensions, at most one of them of {', '.join(INTERVALS)}")
    return cast(tuple[Dimension, ...], found)


def usage(connection: Connection, question: UsageQuestion) -> Row:
    """Items by `group_by`, and their totals (schemas/stats.py). If the range has no start, undated data is in the totals but in no interval.

    BadRequest if there are more than MAX_ROWS items.
    """
    source = partial(_rows, connection, question)
    series = Series("day", [], [])
    if question.interval is not None:
        # For intervals alone, the newest are returned.
        series = series_of(connection, question.selection, _within_session(connection, question), newest_points=True)
        if len(question.dimensions) > 1 and len(series.edges) >= MAX_POINTS:
            raise _too_many_rows()
    found = source(question.dimensions, series) if series.edges or question.interval is None else []
    if len(found) > MAX_ROWS:
        raise _too_many_rows()
    return {
        "range": described_range(question.wanted),
        "group_by": ",".join(question.dimensions),
        "items": _items(connection, question, series, found),
        "totals": _shown(_totals(question, source), question),
        "price_versions": [row["version"] for row in rows(connection, _sql("price_versions"))],
    }


def _within_session(connection: Connection, question: UsageQuestion) -> Range:
    """The range; of one session, an open side ends where the session does, so that its days are not those of all data."""
    wanted = question.wanted
    if question.session_id is None or not wanted.is_open:
        return wanted
    for row in rows(connection, _sql("session_bounds"), {"session_id": question.session_id}):
        start = row["first"] if isinf(wanted.start) else wanted.start
        end = row["last"] + 1 if isinf(wanted.end) else wanted.end
        return structs.replace(wanted, start=floor(start / QUARTER) * QUARTER, end=ceil(end / QUARTER) * QUARTER)
    # Of a session without a date, or that is not known, there are no days.
    return structs.replace(wanted, start=0, end=0)


def _too_many_rows() -> BadRequest:
    return BadRequest(
        f"group_by: this has more than {MAX_ROWS:,} rows; narrow it with start_date and end_date, project_id or user, or group by something coarser",
        details={"group_by": f"more than {MAX_ROWS:,} rows"},
    )


def _rows(connection: Connection, question: UsageQuestion, dimensions: Sequence[Dimension], series: Series) -> list[Row]:
    """The rows of some dimensions. Without an interval among them, those of the whole range."""
    wanted, selection = question.wanted, question.selection
    by_interval = question.interval in dimensions
    boundaries = series.bounds(wanted) if by_interval else [wanted.start, wanted.end]
    parameters = selection.parameters() | {
        f"by_{each}": each in dimensions for each in ("project", "user", "model", "session", "branch", "machine")
    }
    parameters |= {"by_interval": by_interval, "most": MAX_ROWS + 1, "model": question.model}
    if question.has_sessions:
        return _rows_of_sessions(connection, question, parameters, boundaries)
    edges = day_edges(boundaries)
    # usage_rollups have cells for each project with each user, and for all together.
    needs_all = question.has_models and ({"project", "user"} & set(dimensions) or selection != Selection())
    parameters |= {
        "every_project": selection.project_id == ALL and ("project" in dimensions or bool(needs_all)),
        "every_user": selection.user_id == ALL and ("user" in dimensions or bool(needs_all)),
    }
    if question.has_models:
        return rows(connection, _sql("by_model"), parameters | edges.parameters())
    by = [name for name in ("interval", "project", "user") if parameters[f"by_{name}"]]
    went_on = continued(connection, selection.parameters(), boundaries, question.idle_gap_seconds, by=by)
    found = _from_rollups(connection, parameters, wanted, edges if by_interval else None)
    return add_continued(found, went_on, _key, _NO_SUMS)


def _from_rollups(connection: Connection, parameters: Row, wanted: Range, edges: DayEdges | None) -> list[Row]:
    """From activity_rollups, by intervals of `edges` or of the whole range."""
    if edges is not None:
        return rows(connection, _sql("by_rollups"), parameters | edges.finer_parameters())
    segments = [(each.start, each.end, Correction(each.start, each.end, 0, OUTSIDE)) for each in cover(wanted.start, wanted.end)]
    grains = [each.grain_minutes for each in cover(wanted.start, wanted.end)]
    no_days = {"edges": [0.0], "first": 0.0, "until": 0.0, "grains": grains}
    return rows(connection, _sql("by_rollups"), parameters | no_days | correction_arrays(segments))


def _rows_of_sessions(connection: Connection, question: UsageQuestion, parameters: Row, boundaries: list[float]) -> list[Row]:
    wanted = question.wanted
    parameters |= {
        "start": at(boundaries[0]),
        "end": at(boundaries[-1]),
        "edges": boundaries[:-1],
        "session_id": question.session_id,
        "branch": question.branch,
        "with_models": question.has_models,
        "from_totals": wanted.everything and not parameters["by_interval"] and not question.has_models,
    }
    found = rows(connection, _sql("by_session"), parameters)
    if question.has_models or len(found) > MAX_ROWS:
        return found
    intervals = {"starts": boundaries[:-1], "ends": boundaries[1:], "idle_gap_seconds": question.idle_gap_seconds}
    active = {_key(row): row for row in rows(connection, _sql("active_by_session"), parameters | intervals)}
    for row in found:
        row |= {name: active.get(_key(row), _NO_SUMS)[name] for name in ("active_us", "continued")}
    # An interval in the middle of a session may have active time and no event.
    known = {_key(row) for row in found}
    return found + [_NO_SUMS | row for key, row in active.items() if key not in known and (row["active_us"] or row["continued"])]


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in KEYS)


def _totals(question: UsageQuestion, source: Source) -> Row | None:
    """The sums of the whole range. Active time is no sum of rows: a person in two sessions at once is active once."""
    nothing = Series("day", [], [])
    whole = source((), nothing)
    if not whole and "project" in question.dimensions:
        # A key that is bound to several projects sees no cells of all projects.
        whole = source(("project",), nothing)
    if not whole:
        return None
    return {name: sum(row.get(name) or 0 for row in whole) for name in (*ACTIVITY, *MEASURES)}


def _items(connection: Connection, question: UsageQuestion, series: Series, found: list[Row]) -> list[Row]:
    """Rows as they are shown. By an interval alone there is one for each, without holes."""
    dates = local_dates(series.edges, question.wanted.tz, series.interval)
    if question.interval == "month":
        dates = [date[:7] for date in dates]
    if len(question.dimensions) == 1 and question.interval is not None:
        by_number = {row["i"]: row for row in found}
        return [{question.interval: date} | _shown(by_number.get(number), question) for number, date in enumerate(dates)]
    keys = _keys_shown(connection, question.dimensions, dates, found)
    items = [key | _shown(row, question) for key, row in zip(keys, found, strict=True)]
    return sorted(items, key=lambda item: (item[question.interval] if question.interval else "", *_size(item)))


def _size(item: Row) -> tuple[Any, ...]:
    """To sort by: the largest cost first, then the most tokens; those whose cost is not known last."""
    return item["cost_usd"] is None, -(item["cost_usd"] or 0), -item["total_tokens"], -item.get("active_minutes", 0), str(item)


def _keys_shown(connection: Connection, dimensions: Sequence[Dimension], dates: list[str], found: list[Row]) -> list[Row]:
    """The fields that identify each row."""
    keys: list[Row] = [{} for _ in found]
    for dimension in dimensions:
        names: dict[Any, str | None] = {}
        if dimension in ("project", "user", "session", "machine"):
            column, name = {
                "project": ("project_id", "project_names"),
                "user": ("user_id", "user_names"),
                "session": ("session_id", "session_titles"),
                "machine": ("machine_id", "machine_names"),
            }[dimension]
            ids = [row[column] for row in found if row[column] is not None]
            names = {row["id"]: row["name"] for row in rows(connection, _sql(name), {"ids": ids})}
        for key, row in zip(keys, found, strict=True):
            match dimension:
                case "project":
                    key |= {"project_id": row["project_id"] or None, "project_name": names.get(row["project_id"])}
                case "user":
                    key |= {"user": names.get(row["user_id"])}
                case "session":
                    key |= {"session_id": row["session_id"], "session_title": names.get(row["session_id"])}
                case "machine":
                    key |= {"machine_id": row["machine_id"], "machine": names.get(row["machine_id"])}
                case "model":
                    key |= {"model": row["model"] or None}
                case "branch":
                    key |= {"branch": row["branch"]}
                case _:
                    key |= {dimension: dates[row["i"]]}
    return keys


def _shown(row: Row | None, question: UsageQuestion) -> Row:
    """Sums as they are shown; None is a row of zeros."""
    if row is None:
        row = _NO_SUMS
    tokens = {name: min(row[name], MAX_SHOWN) for name in TOKENS}
    shown = tokens | {
        "total_tokens": min(sum(tokens.values()), MAX_SHOWN),
        "api_calls": row["api_calls"],
        "unpriced_calls": row["unpriced_calls"],
        **money(row),
    }
    if question.has_models:
        return shown
    activity = {"sessions": row["sessions"], "active_sessions": active_sessions(row), "active_minutes": row["active_us"] / 60e6}
    return activity | {name: row[name] for name in COUNTS} | shown
