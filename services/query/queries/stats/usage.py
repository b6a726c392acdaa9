"""The answer of /api/usage: tokens, cost and activity by one or two dimensions. Its statements are in usage.sql.

Three sources. activity_rollups know intervals, projects and users. usage_rollups know models too, but tokens and cost only. Sessions,
branches and machines are in no rollup: they are summed up from the rows, or from the totals of sessions where no date limits them.

Intervals of any zone are made of UTC days (day_edges.py).
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from math import ceil, floor, isinf
from typing import Final, Literal, TypeVar, get_args

from msgspec import Struct, structs

from services.query.answers.stats import Interval, UsageItem, UsageMeasures, UsageReport
from services.query.database import Connection, Row, fetch, rows
from services.query.queries.stats.active_sessions import active_sessions, continued
from services.query.queries.stats.day_edges import OUTSIDE, Correction, DayEdges, correction_arrays, day_edges
from services.query.queries.stats.dropped_sessions import dropped_sessions
from services.query.queries.stats.ranges import MAX_POINTS, QUARTER, Range, at, cover, described_range, local_dates
from services.query.queries.stats.stats import Selection, Series, series_of
from shared.database import ALL
from shared.http.errors import BadRequest, invalid
from shared.sql_files import SqlFile

Dimension = Literal["day", "week", "month", "project", "user", "model", "session", "branch", "machine", "group", "repository"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
INTERVALS: Final[tuple[Literal["day", "week", "month"], ...]] = ("day", "week", "month")
MAX_ROWS: Final = MAX_POINTS
# The fields of an item that tell its group.
KEY_FIELDS: Final[dict[Dimension, tuple[str, ...]]] = {each: (each,) for each in DIMENSIONS} | {
    "project": ("project_id", "project_name"),
    "session": ("session_id", "session_title", "is_kept"),
    "branch": ("branch", "is_kept"),
    "machine": ("machine_id", "machine", "is_kept"),
}

# The largest integer that every reader of JSON takes as it is.
MAX_SHOWN: Final = 2**53 - 1

_SQL: Final = SqlFile(__package__, "usage.sql", "parts.sql")
Measures = TypeVar("Measures", bound=UsageMeasures)


class UsageSums(Struct, forbid_unknown_fields=True):
    """The sums of a group. A key that was not asked for is None; what its rows have none of is 0.

    `continued` sessions were active and had begun before (active_sessions.py).
    """

    i: int | None = None
    project_id: int | None = None
    user_id: int | None = None
    model: str | None = None
    session_id: str | None = None
    branch: str | None = None
    machine_id: str | None = None
    group: str | None = None
    repository: str | None = None
    is_kept: bool | None = None
    sessions: int = 0
    continued: int = 0
    active_us: float = 0
    messages: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    lines_added: int = 0
    lines_removed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    api_calls: int = 0
    unpriced_calls: int = 0
    cost_nano_usd: float = 0
    cache_priced_calls: int = 0
    uncached_nano_usd: float = 0
    cache_saved_nano_usd: float = 0

    @property
    def key(self) -> tuple[int | str | bool | None, ...]:
        """Equal only for rows of the same group."""
        of_rollups = (self.i, self.project_id, self.user_id, self.model)
        return (*of_rollups, self.session_id, self.branch, self.machine_id, self.group, self.repository, self.is_kept)


class _Bounds(Struct, frozen=True):
    """When a session begins and ends, in seconds since 1970."""

    first: float
    last: float


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
        return next((each for each in INTERVALS if each in self.dimensions), None)

    @property
    def has_models(self) -> bool:
        """Whether models are told apart. Only API calls have one."""
        return "model" in self.dimensions or self.model is not None

    @property
    def has_sessions(self) -> bool:
        """Whether sessions are told apart, or projects are taken together: a person's active time in two of them at once counts once."""
        return bool({"session", "branch", "machine", "group", "repository"} & set(self.dimensions)) or (
            self.session_id is not None or self.branch is not None or self.selection.reads_rows
        )


def dimensions_of(group_by: str) -> tuple[Dimension, ...]:
    """The dimensions of a `group_by`; BadRequest if it is not one or two different ones, at most one of them of time."""
    names = group_by.split(",")
    found = tuple(each for name in names for each in DIMENSIONS if each == name)
    if len(found) < len(names) or len(found) > 2:
        raise invalid("group_by", f"use one or two of {', '.join(DIMENSIONS)}, with a comma between them")
    if len(set(found)) < len(found) or len(set(found) & set(INTERVALS)) > 1:
        raise invalid("group_by", f"use two different dimensions, at most one of them of {', '.join(INTERVALS)}")
    return found


def usage(connection: Connection, question: UsageQuestion) -> UsageReport:
    """Items by `group_by`, and their totals. If the range has no start, undated data is in the totals but in no interval.

    BadRequest if there are more than MAX_ROWS items.
    """
    series = Series("day", [], [])
    if question.interval is not None:
        # For intervals alone, the newest are returned.
        series = series_of(connection, question.selection, _within_session(connection, question), newest_points=True)
        if len(question.dimensions) > 1 and len(series.edges) >= MAX_POINTS:
            raise _too_many_rows()
    found = _sums(connection, question, question.dimensions, series) if series.edges or question.interval is None else []
    if len(found) > MAX_ROWS:
        raise _too_many_rows()
    return UsageReport(
        range=described_range(question.wanted),
        group_by=",".join(question.dimensions),
        items=_items(connection, question, series, found),
        totals=_measures(UsageMeasures, _totals(connection, question), question),
        dropped_sessions=dropped_sessions(connection, question.selection, question.wanted.start_time, question.wanted.end_time),
        price_versions=[row["version"] for row in rows(connection, _SQL.price_versions)],
    )


def _within_session(connection: Connection, question: UsageQuestion) -> Range:
    """The range; of one session, an open side ends where the session does, so that its days are not those of all data."""
    wanted = question.wanted
    if question.session_id is None or not wanted.is_open:
        return wanted
    for bounds in fetch(connection, _Bounds, _SQL.session_bounds, {"session_id": question.session_id}):
        start = bounds.first if isinf(wanted.start) else wanted.start
        end = bounds.last + 1 if isinf(wanted.end) else wanted.end
        return structs.replace(wanted, start=floor(start / QUARTER) * QUARTER, end=ceil(end / QUARTER) * QUARTER)
    # A session without a date has no days, nor has an unknown one.
    return structs.replace(wanted, start=0, end=0)


def _too_many_rows() -> BadRequest:
    return BadRequest(
        f"group_by: this has more than {MAX_ROWS:,} rows; narrow it with start_date and end_date, project_id or user, or group by something coarser",
        details={"group_by": f"more than {MAX_ROWS:,} rows"},
    )


def _sums(connection: Connection, question: UsageQuestion, dimensions: Sequence[Dimension], series: Series) -> list[UsageSums]:
    """The sums of some dimensions. Without an interval among them, those of the whole range."""
    wanted, selection = question.wanted, question.selection
    by_interval = question.interval in dimensions
    boundaries = series.bounds(wanted) if by_interval else [wanted.start, wanted.end]
    parameters = selection.parameters() | {
        f"by_{each}": each in dimensions for each in ("project", "user", "model", "session", "branch", "machine", "group", "repository")
    }
    parameters["by_kept"] = any(parameters[f"by_{each}"] for each in ("session", "branch", "machine"))
    parameters |= {"by_interval": by_interval, "most": MAX_ROWS + 1, "model": question.model}
    if question.has_sessions:
        return _sums_of_sessions(connection, question, parameters, boundaries)
    edges = day_edges(boundaries)
    name, cells = (
        ("by_model", edges.parameters()) if question.has_models else ("by_rollups", _cells(wanted, edges if by_interval else None))
    )

    def read(cells_by: Sequence[Dimension]) -> list[UsageSums]:
        # usage_rollups have cells for each project with each user, and for all together.
        needs_all = question.has_models and bool({"project", "user"} & set(cells_by) or selection != Selection())
        added_up = {
            "every_project": selection.project_id == ALL and ("project" in cells_by or needs_all),
            "every_user": selection.user_id == ALL and ("user" in cells_by or needs_all),
        }
        return fetch(connection, UsageSums, _SQL[name], parameters | cells | added_up)

    found = read(dimensions)
    if not found and not dimensions and "project" in question.dimensions:
        # A key that is bound to several projects sees no cells of all projects.
        found = read(["project"])
    if question.has_models:
        return found
    by = [each for each in ("interval", "project", "user") if parameters[f"by_{each}"]]
    went_on = continued(connection, selection.parameters(), boundaries, question.idle_gap_seconds, by=by)
    known = {each.key: each for each in found}
    for each in went_on:
        sums = UsageSums(each.i, each.project_id, each.user_id)
        known.setdefault(sums.key, sums).continued = each.continued
    return list(known.values())


def _cells(wanted: Range, edges: DayEdges | None) -> Row:
    """The cells of activity_rollups, for SQL: by intervals of `edges`, or of the whole range."""
    if edges is not None:
        return edges.finer_parameters()
    segments = cover(wanted.start, wanted.end)
    no_days = {"edges": [0.0], "first": 0.0, "until": 0.0, "grains": [each.grain_minutes for each in segments]}
    return no_days | correction_arrays([(each.start, each.end, Correction(each.start, each.end, 0, OUTSIDE)) for each in segments])


def _sums_of_sessions(connection: Connection, question: UsageQuestion, parameters: Row, boundaries: list[float]) -> list[UsageSums]:
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
    found = fetch(connection, UsageSums, _SQL.by_session, parameters)
    if question.has_models or len(found) > MAX_ROWS:
        return found
    intervals = {"starts": boundaries[:-1], "ends": boundaries[1:], "idle_gap_seconds": question.idle_gap_seconds}
    known = {each.key: each for each in found}
    for each in fetch(connection, UsageSums, _SQL.active_by_session, parameters | intervals):
        # An interval in the middle of a session may have active time and no event.
        if each.key in known or each.active_us or each.continued:
            sums = known.setdefault(each.key, each)
            sums.active_us, sums.continued = each.active_us, each.continued
    return list(known.values())


def _totals(connection: Connection, question: UsageQuestion) -> UsageSums:
    """The sums of the whole range. Active time is no sum of groups: a person in two sessions at once is active once."""
    whole = _sums(connection, question, (), Series("day", [], []))
    return whole[0] if whole else UsageSums()


def _items(connection: Connection, question: UsageQuestion, series: Series, found: list[UsageSums]) -> list[UsageItem]:
    """The groups as they are shown. By an interval alone there is one for each, without holes."""
    dates = local_dates(series.edges, question.wanted.tz, series.interval)
    is_series = len(question.dimensions) == 1 and question.interval is not None
    if is_series:
        by_number = {each.i: each for each in found}
        found = [by_number.get(number) or UsageSums(number) for number in range(len(dates))]
    groups = [(sums, _measures(UsageItem, sums, question)) for sums in found]
    for sums, item in groups:
        if sums.is_kept is not None:
            item.is_kept = sums.is_kept
    for dimension in question.dimensions:
        _set_keys(connection, dimension, groups, dict(enumerate(dates)))
    if not is_series:
        groups.sort(key=partial(_order, [name for each in question.dimensions for name in KEY_FIELDS[each]]))
    return [item for _, item in groups]


def _order(keys: list[str], group: tuple[UsageSums, UsageItem]) -> tuple[int, bool, float, int, float, str]:
    """By interval; then the largest cost first, then the most tokens; those whose cost is not known last."""
    sums, item = group
    shown = str([getattr(item, key) for key in keys])
    return sums.i or 0, item.cost_usd is None, -(item.cost_usd or 0), -item.total_tokens, -sums.active_us, shown


def _set_keys(
    connection: Connection, dimension: Dimension, groups: list[tuple[UsageSums, UsageItem]], dates: dict[int | None, str]
) -> None:
    """Sets the fields that tell groups of the dimension apart. `dates`: when the intervals begin, by their numbers."""
    names: dict[int | str | None, str | None] = {}
    if dimension in ("project", "user", "session", "machine"):
        ids = [found for sums, _ in groups if (found := getattr(sums, f"{dimension}_id")) is not None]
        names = {row["id"]: row["name"] for row in rows(connection, _SQL[f"{dimension}_names"], {"ids": ids})}
    for sums, item in groups:
        match dimension:
            case "day" | "week" | "month":
                _set_interval(item, dimension, dates[sums.i])
            case "project":
                item.project_id, item.project_name = sums.project_id or None, names.get(sums.project_id)
            case "user":
                item.user = names.get(sums.user_id)
            case "model":
                item.model = sums.model or None
            case "session":
                item.session_id, item.session_title = sums.session_id, names.get(sums.session_id)
            case "branch" | "group" | "repository":
                setattr(item, dimension, getattr(sums, dimension))
            case "machine":
                item.machine_id, item.machine = sums.machine_id, names.get(sums.machine_id)


def _set_interval(item: UsageItem, interval: Literal["day", "week", "month"], begins: str) -> None:
    match interval:
        case "day":
            item.day = date.fromisoformat(begins)
        case "week":
            item.week = date.fromisoformat(begins)
        case "month":
            item.month = begins[:7]


def _measures(kind: type[Measures], sums: UsageSums, question: UsageQuestion) -> Measures:
    """Sums as they are shown. A cost is known if that of a call is, or if a claude.json tells one; what the cache saved is of calls alone."""
    is_priced = sums.api_calls > sums.unpriced_calls or sums.cost_nano_usd > 0
    saves = sums.cache_priced_calls > 0
    shown = kind(
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cache_creation_tokens=sums.cache_creation_tokens,
        cache_read_tokens=sums.cache_read_tokens,
        total_tokens=min(sums.input_tokens + sums.output_tokens + sums.cache_creation_tokens + sums.cache_read_tokens, MAX_SHOWN),
        api_calls=sums.api_calls,
        unpriced_calls=sums.unpriced_calls,
        cost_usd=sums.cost_nano_usd / 1e9 if is_priced else None,
        cache_saved_usd=sums.cache_saved_nano_usd / 1e9 if saves else None,
        uncached_input_usd=sums.uncached_nano_usd / 1e9 if saves else None,
        cache_unknown_calls=sums.api_calls - sums.unpriced_calls - sums.cache_priced_calls,
    )
    if not question.has_models:
        shown.sessions = sums.sessions
        shown.active_sessions = active_sessions(sums.sessions, sums.continued)
        shown.active_minutes = sums.active_us / 60e6
        shown.messages = sums.messages
        shown.tool_calls = sums.tool_calls
        shown.tool_errors = sums.tool_errors
        shown.lines_added = sums.lines_added
        shown.lines_removed = sums.lines_removed
    return shown
