"""Failed tool calls by class: parameters and answer."""

from typing import Annotated

from pydantic import Field

from services.query.answers.stats import Interval
from services.query.parameters.fields import (
    Absent,
    ListFormat,
    OptionalGroup,
    OptionalMachine,
    OptionalProject,
    OptionalRepository,
    OptionalUser,
    Parameters,
    StatsEnd,
    StatsStart,
    Text,
    Zone,
    table_of,
)
from services.query.queries.stats.ranges import MAX_POINTS

MOST_EXAMPLES = 20


class ToolErrorsParameters(Parameters):
    """A range, filters, and how many examples."""

    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    tool_name: Annotated[Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this tool.", examples=["Bash"])] = (
        None
    )
    error_class: Annotated[
        Text | None,
        Absent(),
        Field(
            min_length=1,
            max_length=40,
            description="Only this class. Shares are of all classes.",
            examples=["file_not_found"],
        ),
    ] = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None
    interval: Annotated[
        Interval | None,
        Absent(),
        Field(
            description="Adds `time_series`, and `calls_over_time` to each class. Without it there are none. "
            f"More than {MAX_POINTS:,} points are a 400 that names the interval to use.",
            examples=["day"],
        ),
    ] = None
    examples: int = Field(3, ge=0, le=MOST_EXAMPLES, description="The most examples of each class. A key that sees only numbers gets none.")
    format: Annotated[ListFormat | None, Absent(), table_of("classes")] = None
