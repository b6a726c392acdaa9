"""Stats, tool stats and usage: parameters and answers."""

from typing import Annotated

from pydantic import Field

from services.query.answers.stats import Interval
from services.query.answers.work import WorkGroup
from services.query.parameters.fields import (
    MOST_ON_A_PAGE,
    Absent,
    Dated,
    Filtered,
    ListFormat,
    OfProjects,
    OptionalBranch,
    OptionalMachine,
    OptionalModel,
    OptionalSession,
    OptionalTool,
    OptionalUser,
    RequiredEnd,
    RequiredStart,
    StatsRange,
    Zone,
    table_of,
)
from services.query.queries.stats.comparison import Group
from services.query.queries.stats.ranges import MAX_POINTS
from services.query.queries.stats.usage import DIMENSIONS, INTERVALS, MAX_ROWS


class StatsParameters(StatsRange):
    """A range, and how finely its series is cut."""

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


class AllStatsParameters(ProjectStatsParameters, OfProjects):
    """Statistics of all projects, or of some."""


class ReconcileParameters(Filtered, StatsRange):
    """A range, and filters."""


class ToolStatsParameters(StatsParameters, Filtered):
    tool_name: OptionalTool = None
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


class UsageParameters(Filtered, StatsRange):
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
    model: OptionalModel = None
    session_id: OptionalSession = None
    branch: OptionalBranch = None
    include_cost_parts: bool = Field(False, description="True shows what the cost of `totals` was paid for, in `cost_parts`.")
    format: Annotated[ListFormat | None, Absent(), table_of("items")] = None


class WorkParameters(Filtered, StatsRange):
    """A time range, filters, and what work is divided by."""

    group_by: WorkGroup = Field("commit", description="What the work led to.")
    limit: Annotated[
        int | None,
        Absent(),
        Field(ge=1, le=MOST_ON_A_PAGE, description="The most `items`: those that cost most. Default: 100; as CSV or NDJSON every one."),
    ] = None
    format: Annotated[ListFormat | None, Absent(), table_of("items")] = None


class UsageBlocksParameters(Dated, Filtered):
    """Blocks that reach into the dates. They are made of the usage that the filters leave."""

    model: OptionalModel = None


class CompareParameters(Filtered):
    """Two ranges, filters, and what the groups are."""

    group_by: Group = Field("project", description="What the groups are.")
    compare: str = Field(
        "previous",
        max_length=100,
        description="What the range is compared with: `START..END`, each as in start_date and end_date; or `previous`, as many days before it. Of months, these "
        "are as many months before; of the first days of a month or a week, the same days of the one before.",
        examples=["previous", "2024-01-01..2024-01-31"],
    )
    start_date: RequiredStart
    end_date: RequiredEnd
    tz: Zone = None
    format: Annotated[ListFormat | None, Absent(), table_of("items")] = None
