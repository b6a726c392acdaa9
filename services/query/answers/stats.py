"""Stats, tool stats and usage: parameters and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, UnsetType
from pydantic import Field

from services.query.answers.answer import Answer
from services.query.answers.fields import (
    CacheSavedUsd,
    CacheUnknownCalls,
    CostUsd,
    DroppedSessions,
    IsKept,
    UncachedInputUsd,
    UnpricedCalls,
    doc,
    measure,
)
from services.query.answers.lists import Project
from shared.terms import terms

Interval = Literal["hour", "day", "week", "month"]

# A series reads so many calls, or those of two days, as the totals do at both ends of a range.
MOST_TIMED_CALLS: Final = 50_000

StartedSessions = Annotated[int, measure("sessions", examples=[5])]


ActiveSessions = Annotated[
    int,
    Field(
        description="Sessions that started, had an event or active time: `sessions`, and those that went on. A session counts once in each interval, "
        "so a series may add up to more than its total.",
        examples=[6],
    ),
]


class Measures(Answer):
    sessions: StartedSessions
    active_sessions: ActiveSessions
    time_minutes: Annotated[float, measure("time_minutes")]
    active_minutes: Annotated[float, measure("active_minutes")]
    messages: Annotated[int, measure("messages")]
    user_messages: Annotated[int, measure("user_messages")]
    assistant_messages: Annotated[int, measure("assistant_messages")]
    files_modified: Annotated[int, measure("files_modified")]
    lines_added: Annotated[int, measure("lines_added")]
    lines_removed: Annotated[int, measure("lines_removed")]
    tool_calls: Annotated[int, measure("tool_calls")]
    tool_errors: Annotated[int, measure("tool_errors")]
    input_tokens: Annotated[int, measure("input_tokens")]
    output_tokens: Annotated[int, measure("output_tokens")]
    cache_creation_tokens: Annotated[int, measure("cache_creation_tokens")]
    cache_read_tokens: Annotated[int, measure("cache_read_tokens")]
    api_calls: Annotated[int, measure("api_calls")]
    unpriced_calls: UnpricedCalls
    cost_usd: Annotated[
        float | None, measure("cost_usd", "null if no price is known, also on a day without calls. An unknown cost is never 0.")
    ]
    cache_saved_usd: CacheSavedUsd
    uncached_input_usd: UncachedInputUsd
    cache_unknown_calls: CacheUnknownCalls


class Totals(Measures):
    idle_gap_seconds: int


LocalDate = Annotated[
    str, Field(description="Start of the interval in `tz`: its first day or its hour.", examples=["2026-02-16", "2026-02-16T14:00"])
]


class Point(Measures):
    start: datetime
    date: LocalDate


class UsageRange(Answer):
    """The range that was counted: [start, end), null where open."""

    start: datetime | None
    end: datetime | None
    tz: str
    is_default: Annotated[bool, doc("True if neither start_date nor end_date was given. Then events without a date count too.")]


class CountedRange(UsageRange):
    """The range that was counted: [start, end), null where open."""

    interval: Annotated[Interval, doc("Interval of the time series.")]


class Tool(Answer):
    tool_name: str
    calls: int
    success: int
    errors: Annotated[int, measure("tool_errors")]
    rejected: Annotated[int, measure("rejected_calls")]
    error_rate: Annotated[float, measure("error_rate")]
    measured_calls: Annotated[int, measure("measured_calls")]
    estimated_calls: Annotated[
        int, doc("Calls whose duration is only the time between two records of a transcript. Left out of avg_ms, max_ms and percentiles.")
    ]
    untimed_calls: Annotated[
        int,
        doc(
            "Calls without a known duration: pending ones, and those that went on after they had answered. "
            "Together with measured_calls and estimated_calls these are all calls."
        ),
    ]
    waited_calls: Annotated[int, doc("Calls of which it is known how long they waited before they ran, as for a permission.")]
    waited_ms: Annotated[int, doc("How long these waited, all together.")]
    avg_wait_ms: float | None
    avg_ms: float | None
    max_ms: int | None
    last_used: datetime | None


class ErrorCount(Answer):
    error_class: Annotated[
        str,
        doc("Why they failed; `other`: no rule says it, `unclassified`: stored before there were classes.", examples=["file_not_found"]),
    ]
    calls: int


ErrorCounts = Annotated[
    list[ErrorCount], Field(description="All calls that did not succeed, by class: errors, timeouts, rejected and cancelled ones.")
]


class TimedTool(Tool):
    p50_ms: Annotated[float | None, measure("p50_ms")]
    p95_ms: Annotated[float | None, measure("p95_ms")]
    p99_ms: float | None
    cancelled: Annotated[int, measure("cancelled_calls")]
    pending: Annotated[int, measure("pending_calls", "calls = success + errors + rejected + cancelled + pending.")]
    errors_by_class: ErrorCounts


class TopFile(Answer, kw_only=True):
    file_path: str | None
    project_id: Annotated[int | UnsetType | None, doc("Only in stats over all projects.")] = UNSET
    touches: int
    lines_added: int
    lines_removed: int
    last_touched: datetime | None


class UserShare(Answer):
    user: Annotated[str | None, doc("null if unknown.")]
    sessions: StartedSessions
    active_sessions: ActiveSessions
    messages: int
    active_minutes: float
    tool_calls: int
    lines_added: int
    lines_removed: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd


class HeatmapCell(Answer):
    weekday: Annotated[int, doc("0 is Monday.")]
    hour: int
    active_minutes: float


class Stats(Answer):
    project: Annotated[Project | None, doc("Set in a project's stats; null in /api/stats.")]
    range: CountedRange
    totals: Totals
    time_series: Annotated[list[Point], doc("Points without gaps: an interval without events is a row of zeros.")]
    tools: Annotated[list[Tool], doc("Totals by tool. /api/tool-calls/stats has percentiles.")]
    top_files: Annotated[list[TopFile], doc("The 20 files with the most changes.")]
    users: list[UserShare]
    heatmap: Annotated[list[HeatmapCell], doc("168 cells, one for each hour of a week in `tz`.")]


class CallPoint(Answer, kw_only=True):
    start: datetime
    date: LocalDate
    calls: int
    errors: int
    p50_ms: Annotated[
        float | UnsetType | None,
        doc(
            "Only with `include_latency=true`, as p95_ms and p99_ms: of the calls in the interval, as those of a tool are of its calls in the range. "
            "null where none has a time. Within 2 % of exact; by hour or with `machine`, exact."
        ),
    ] = UNSET
    p95_ms: float | UnsetType | None = UNSET
    p99_ms: float | UnsetType | None = UNSET
    timed_calls: Annotated[
        int | UnsetType,
        doc("Only with `include_latency=true`: of how many calls the percentiles are. With estimates, these are among them."),
    ] = UNSET


class ToolStats(Answer, kw_only=True):
    range: CountedRange
    total_calls: int
    errors_by_class: ErrorCounts
    tools: list[TimedTool]
    percentiles_of: Annotated[
        Literal["intervals", "utc_days", "nothing"] | UnsetType,
        doc(
            "Only with `include_latency=true`: what the percentiles of `time_series` are of. `intervals`: of each interval. "
            f"`utc_days`: of the UTC days nearest to each interval, since more than {MOST_TIMED_CALLS:,} calls lie between their midnights and those of `tz`. "
            f"`nothing`: they are null, since a series by hour has more than {MOST_TIMED_CALLS:,} calls and is longer than two days."
        ),
    ] = UNSET
    time_series: list[CallPoint]


def _part(name: str) -> Any:
    return doc(terms().cost_parts[name].definition)


class CostParts(Answer):
    """A cost, by what was paid for. The parts and `unknown_usd` are the cost of the calls that have a price."""

    input_usd: Annotated[float, _part("input_usd")]
    cache_write_usd: Annotated[float, _part("cache_write_usd")]
    cache_read_usd: Annotated[float, _part("cache_read_usd")]
    output_usd: Annotated[float, _part("output_usd")]
    unknown_usd: Annotated[
        float, doc("Calls whose parts are not known, since the export that brought them does not tell what the cache saved.")
    ]


class UsageMeasures(Answer, kw_only=True):
    sessions: Annotated[
        int | UnsetType, doc("Sessions that started. Activity measures are absent if `model` is a dimension or a filter.")
    ] = UNSET
    active_sessions: ActiveSessions | UnsetType = UNSET
    active_minutes: Annotated[
        float | UnsetType, doc("Active time per person. Two sessions at once count once in the totals, so rows may add up to more.")
    ] = UNSET
    messages: int | UnsetType = UNSET
    tool_calls: int | UnsetType = UNSET
    tool_errors: int | UnsetType = UNSET
    lines_added: int | UnsetType = UNSET
    lines_removed: int | UnsetType = UNSET
    input_tokens: Annotated[int, doc("Input tokens without cache writes and cache reads.")]
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    total_tokens: Annotated[int, doc("All four together.")]
    api_calls: int
    unpriced_calls: Annotated[int, doc("Calls whose price is not known: `cost_usd` is of the others.")]
    cost_usd: Annotated[float | None, doc("null where the price of nothing in the group is known; unknown is never 0.")]
    cache_saved_usd: CacheSavedUsd
    uncached_input_usd: UncachedInputUsd
    cache_unknown_calls: CacheUnknownCalls


class UsageItem(UsageMeasures, kw_only=True):
    """One of the groups; of the first fields it has those of its `group_by`."""

    day: Annotated[date | UnsetType, doc("A day in `tz`.")] = UNSET
    week: Annotated[date | UnsetType, doc("A week's Monday in `tz`.")] = UNSET
    month: Annotated[str | UnsetType, doc("A month in `tz`.", examples=["2026-02"])] = UNSET
    model: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    project_id: Annotated[int | UnsetType | None, doc("null if unknown.")] = UNSET
    project_name: str | UnsetType | None = UNSET
    user: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    session_id: Annotated[str | UnsetType | None, doc("null: in no session.")] = UNSET
    session_title: str | UnsetType | None = UNSET
    branch: Annotated[str | UnsetType | None, doc("The session's git branch; null: not known.")] = UNSET
    machine_id: Annotated[
        str | UnsetType | None,
        doc("A session that was on several machines counts for each of them, and once in the totals; null: not known."),
    ] = UNSET
    machine: Annotated[str | UnsetType | None, doc("The machine's name.")] = UNSET
    group: Annotated[str | UnsetType | None, doc("The project's group; null: it is in none.")] = UNSET
    repository: Annotated[str | UnsetType | None, doc("The project's git repository; null: not known.")] = UNSET
    is_kept: IsKept | UnsetType = UNSET


class UsageReport(Answer):
    range: UsageRange
    group_by: Annotated[str, Field(examples=["day", "user,month"])]
    items: Annotated[
        list[UsageItem],
        doc("Intervals in their order, and without holes if they are the only dimension; else by cost, then tokens, the largest first."),
    ]
    totals: UsageMeasures
    dropped_sessions: DroppedSessions
    price_versions: Annotated[list[str], doc("The price lists that the costs of all stored calls come from.")]
    cost_parts: Annotated[
        CostParts | UnsetType | None,
        doc(
            "Only with `include_cost_parts=true`: the cost of `totals` by what was paid for; null if no price is known. The parts add up to it. "
            "What retention has dropped, and what only a `claude.json` tells, is in `unknown_usd`."
        ),
    ] = UNSET
