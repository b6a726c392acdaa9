"""Stats, tool stats and usage: parameters and answers."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.query.queries.stats.ranges import MAX_POINTS, Interval
from services.query.queries.stats.tool_latency import MOST_CALLS
from services.query.queries.stats.usage import DIMENSIONS, INTERVALS, MAX_ROWS
from services.query.schemas.fields import (
    Absent,
    CacheSavedUsd,
    CacheUnknownCalls,
    CostUsd,
    ListFormat,
    OptionalBranch,
    OptionalMachine,
    OptionalProject,
    OptionalSession,
    OptionalUser,
    Parameters,
    StatsEnd,
    StatsStart,
    Text,
    UncachedInputUsd,
    UnpricedCalls,
    Zone,
    measure,
    table_of,
)
from services.query.schemas.lists import Project


class StatsParameters(Parameters):
    """A range, and how finely its series is cut."""

    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None
    interval: Annotated[
        Interval | None,
        Absent(),
        Field(
            description=f"Interval of the time series. A series has at most {MAX_POINTS:,} points; a longer one is a 400 that names the interval to use. "
            "Default: `day`, or `week` or `month` for long ranges. The answer's `range` has the interval that was used."
        ),
    ] = None


class ProjectStatsParameters(StatsParameters):
    user: OptionalUser = None
    machine: OptionalMachine = None
    format: Annotated[ListFormat | None, Absent(), table_of("time_series")] = None


class AllStatsParameters(ProjectStatsParameters):
    project_id: OptionalProject = None


class ToolStatsParameters(StatsParameters):
    project_id: OptionalProject = None
    tool_name: Annotated[Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this tool.", examples=["Bash"])] = (
        None
    )
    user: OptionalUser = None
    machine: OptionalMachine = None
    include_estimated: bool = Field(
        False,
        description="Percentiles, avg_ms and max_ms of all durations. Without it, only of those that were measured: others are the time between two records "
        "of a transcript, and include the wait for a permission.",
    )
    include_latency: bool = Field(
        False,
        description="True gives each point of `time_series` the percentiles of the times of its calls; without `tool_name`, of all tools together.",
    )
    format: Annotated[ListFormat | None, Absent(), table_of("tools")] = None


class UsageParameters(Parameters):
    """A time range, filters, and the dimensions of the rows."""

    group_by: str = Field(
        "day",
        max_length=40,
        description=f"Dimensions of a row: one or two of {', '.join(f'`{each}`' for each in DIMENSIONS)}, separated by a comma, "
        f"at most one of them from {', '.join(f'`{each}`' for each in INTERVALS)}. More than {MAX_ROWS:,} rows are a 400; "
        f"for `day` alone the newest {MAX_ROWS:,} are given. The totals cover the whole range.",
        examples=["day", "user,month"],
        json_schema_extra={"pattern": f"^({'|'.join(DIMENSIONS)})(,({'|'.join(DIMENSIONS)}))?$"},
    )
    project_id: OptionalProject = None
    user: OptionalUser = None
    model: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this model.", examples=["claude-opus-4-5-20251101"])
    ] = None
    session_id: OptionalSession = None
    branch: OptionalBranch = None
    machine: OptionalMachine = None
    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None
    format: Annotated[ListFormat | None, Absent(), table_of("items")] = None


StartedSessions = Annotated[int, measure("sessions", examples=[5])]
ActiveSessions = Annotated[
    int,
    Field(
        description="Sessions that started, had an event or active time: `sessions`, and those that went on. A session counts once in each interval, "
        "so a series may add up to more than its total.",
        examples=[6],
    ),
]


class Measures(BaseModel):
    sessions: StartedSessions
    active_sessions: ActiveSessions
    time_minutes: float = measure("time_minutes")
    active_minutes: float = measure("active_minutes")
    messages: int = measure("messages")
    user_messages: int = measure("user_messages")
    assistant_messages: int = measure("assistant_messages")
    files_modified: int = measure("files_modified")
    lines_added: int = measure("lines_added")
    lines_removed: int = measure("lines_removed")
    tool_calls: int = measure("tool_calls")
    tool_errors: int = measure("tool_errors")
    input_tokens: int = measure("input_tokens")
    output_tokens: int = measure("output_tokens")
    cache_creation_tokens: int = measure("cache_creation_tokens")
    cache_read_tokens: int = measure("cache_read_tokens")
    api_calls: int = measure("api_calls")
    unpriced_calls: UnpricedCalls
    cost_usd: float | None = measure("cost_usd", "null if no price is known, also on a day without calls. An unknown cost is never 0.")
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


class UsageRange(BaseModel):
    """What was counted: [start, end), null where open."""

    start: datetime | None
    end: datetime | None
    tz: str
    is_default: bool = Field(description="True if neither start_date nor end_date was given. Then events without a date count too.")


class CountedRange(UsageRange):
    """What was counted: [start, end), null where open."""

    interval: Literal["hour", "day", "week", "month"] = Field(description="Interval of the time series.")


class Tool(BaseModel):
    tool_name: str
    calls: int
    success: int
    errors: int = measure("tool_errors")
    rejected: int = measure("rejected_calls")
    error_rate: float = measure("error_rate")
    measured_calls: int = measure("measured_calls")
    estimated_calls: int = Field(
        description="Calls whose duration is only the time between two records of a transcript. Left out of avg_ms, max_ms and percentiles."
    )
    untimed_calls: int = Field(
        description="Calls without a known duration: pending ones, and those that went on after they had answered. "
        "Together with measured_calls and estimated_calls these are all calls."
    )
    waited_calls: int = Field(description="Calls of which it is known how long they waited before they ran, as for a permission.")
    waited_ms: int = Field(description="How long these waited, all together.")
    avg_wait_ms: float | None
    avg_ms: float | None
    max_ms: int | None
    last_used: datetime | None


class ErrorCount(BaseModel):
    error_class: str = Field(
        description="Why they failed; `other`: no rule says it, `unclassified`: stored before there were classes.",
        examples=["file_not_found"],
    )
    calls: int


ErrorCounts = Annotated[
    list[ErrorCount], Field(description="All calls that did not succeed, by class: errors, timeouts, rejected and cancelled ones.")
]


class TimedTool(Tool):
    p50_ms: float | None = measure("p50_ms")
    p95_ms: float | None = measure("p95_ms")
    p99_ms: float | None
    cancelled: int = measure("cancelled_calls")
    pending: int = measure("pending_calls", "calls = success + errors + rejected + cancelled + pending.")
    errors_by_class: ErrorCounts


class TopFile(BaseModel):
    file_path: str | None
    project_id: int | None = Field(None, description="Only in stats over all projects.")
    touches: int
    lines_added: int
    lines_removed: int
    last_touched: datetime | None


class UserShare(BaseModel):
    user: str | None = Field(description="null if unknown.")
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


class HeatmapCell(BaseModel):
    weekday: int = Field(description="0 is Monday.")
    hour: int
    active_minutes: float


class Stats(BaseModel):
    project: Project | None = Field(description="Set in a project's stats; null in /api/stats.")
    range: CountedRange
    totals: Totals
    time_series: list[Point] = Field(description="Points without gaps: an interval without events is a row of zeros.")
    tools: list[Tool] = Field(description="Totals by tool. /api/tool-calls/stats has percentiles.")
    top_files: list[TopFile] = Field(description="The 20 files with the most changes.")
    users: list[UserShare]
    heatmap: list[HeatmapCell] = Field(description="168 cells, one for each hour of a week in `tz`.")


class CallPoint(BaseModel):
    start: datetime
    date: LocalDate
    calls: int
    errors: int
    p50_ms: float | None = Field(
        None,
        description="Only with `include_latency=true`, as p95_ms and p99_ms: of the calls in the interval, as those of a tool are of its calls in the range. "
        "null where none has a time. Within 2 % of exact; by hour or with `machine`, exact.",
    )
    p95_ms: float | None = None
    p99_ms: float | None = None


class ToolStats(BaseModel):
    range: CountedRange
    total_calls: int
    errors_by_class: ErrorCounts
    tools: list[TimedTool]
    percentiles_of: Literal["intervals", "utc_days", "nothing"] | None = Field(
        None,
        description="Only with `include_latency=true`: what the percentiles of `time_series` are of. `intervals`: of each interval. "
        f"`utc_days`: of the UTC days nearest to each interval, since more than {MOST_CALLS:,} calls lie between their midnights and those of `tz`. "
        f"`nothing`: they are null, since a series by hour has more than {MOST_CALLS:,} calls and is longer than two days.",
    )
    time_series: list[CallPoint]


class UsageMeasures(BaseModel):
    sessions: int = Field(0, description="Sessions that started. Activity measures are absent if `model` is a dimension or a filter.")
    active_sessions: ActiveSessions = 0
    active_minutes: float = Field(
        0, description="Active time per person. Two sessions at once count once in the totals, so rows may add up to more."
    )
    messages: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    lines_added: int = 0
    lines_removed: int = 0
    input_tokens: int = Field(description="Input tokens without cache writes and cache reads.")
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    total_tokens: int = Field(description="All four together.")
    api_calls: int
    unpriced_calls: int = Field(description="Calls whose price is not known: `cost_usd` is of the others.")
    cost_usd: float | None = Field(description="null where the price of nothing in the group is known; unknown is never 0.")
    cache_saved_usd: CacheSavedUsd
    uncached_input_usd: UncachedInputUsd
    cache_unknown_calls: CacheUnknownCalls


class UsageItem(UsageMeasures):
    """One of the groups; of the first fields it has those of its `group_by`."""

    day: date | None = Field(None, description="A day in `tz`.")
    week: date | None = Field(None, description="A week's Monday in `tz`.")
    month: str | None = Field(None, description="A month in `tz`.", examples=["2026-02"])
    model: str | None = Field(None, description="null if unknown.")
    project_id: int | None = Field(None, description="null if unknown.")
    project_name: str | None = None
    user: str | None = Field(None, description="null if unknown.")
    session_id: str | None = Field(None, description="null: in no session.")
    session_title: str | None = None
    branch: str | None = Field(None, description="The session's git branch; null: not known.")
    machine_id: str | None = Field(
        None, description="A session that was on several machines counts for each of them, and once in the totals; null: not known."
    )
    machine: str | None = Field(None, description="The machine's name.")


class UsageReport(BaseModel):
    range: UsageRange
    group_by: str = Field(examples=["day", "user,month"])
    items: list[UsageItem] = Field(
        description="Intervals in their order, and without holes if they are the only dimension; else by cost, then tokens, the largest first."
    )
    totals: UsageMeasures
    price_versions: list[str] = Field(description="The price lists that the costs of all stored calls come from.")
