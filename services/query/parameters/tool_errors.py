"""Failed tool calls by class: parameters and answer."""

from typing import Annotated

from pydantic import Field

from services.query.answers.stats import Interval
from services.query.parameters.fields import (
    Absent,
    Filtered,
    ListFormat,
    OptionalTool,
    StatsRange,
    Text,
    table_of,
)
from services.query.queries.stats.ranges import MAX_POINTS

MOST_EXAMPLES = 20


class ToolErrorsParameters(Filtered, StatsRange):
    """A range, filters, and how many examples."""

    tool_name: OptionalTool = None
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
