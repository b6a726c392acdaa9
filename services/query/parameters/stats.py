"""Stats, tool stats and usage: parameters and answers."""

from typing import Annotated

from pydantic import Field

from services.query.answers.stats import Interval
from services.query.parameters.fields import (
    Absent,
    Dated,
    ListFormat,
    OptionalBranch,
    OptionalGroup,
    OptionalMachine,
    OptionalModel,
    OptionalProject,
    OptionalRepository,
    OptionalSession,
    OptionalUser,
    Parameters,
    RequiredEnd,
    RequiredStart,
    StatsEnd,
    StatsStart,
    Text,
    Zone,
    table_of,
)
from services.query.queries.stats.comparison import Group
from services.query.queries.stats.ranges import MAX_POINTS
from services.query.queries.stats.usage import DIMENSIONS, INTERVALS, MAX_ROWS


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
    group: OptionalGroup = None
    repository: OptionalRepository = None


class ToolStatsParameters(StatsParameters):
    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
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
    group: OptionalGroup = None
    repository: OptionalRepository = None
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


class UsageBlocksParameters(Dated):
    """Blocks that reach into the dates. They are made of the usage that the filters leave."""

    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    user: OptionalUser = None
    model: OptionalModel = None
    machine: OptionalMachine = None


class CompareParameters(Parameters):
    """Two ranges, filters, and what the groups are."""

    group_by: Group = Field("project", description="What the groups are.")
    compare: str = Field(
        "previous",
        max_length=100,
        description="What the range is compared with: `START..END`, each as in start_date and end_date; or `previous`, as many days before it. Of a month, or of "
        "a part of one from its first day on, that is the month before.",
        examples=["previous", "2024-01-01..2024-01-31"],
    )
    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    start_date: RequiredStart
    end_date: RequiredEnd
    tz: Zone = None
    format: Annotated[ListFormat | None, Absent(), table_of("items")] = None
