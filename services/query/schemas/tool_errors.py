"""Failed tool calls by class: parameters and answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.query.queries.stats.ranges import MAX_POINTS, Interval
from services.query.schemas.fields import (
    Absent,
    ListFormat,
    OptionalMachine,
    OptionalProject,
    OptionalUser,
    Parameters,
    StatsEnd,
    StatsStart,
    Text,
    Zone,
    table_of,
)
from services.query.schemas.stats import ErrorCount, LocalDate, UsageRange

MOST_EXAMPLES = 20


class ToolErrorsParameters(Parameters):
    """A range, filters, and how many examples."""

    project_id: OptionalProject = None
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


class FailedTool(BaseModel):
    tool_name: str
    calls: int


class FailedCall(BaseModel):
    id: UUID
    session_id: str | None
    project_id: int | None
    tool_name: str
    result_status: Literal["error", "rejected", "cancelled", "timeout"]
    timestamp: datetime | None
    input: str | None = Field(
        description="The beginning of what it was called with: its command, path, pattern or URL, else all parameters as JSON.",
        examples=["npm test"],
    )
    error: str | None = Field(description="The beginning of what Claude was told; null if not kept.", examples=["Exit code 1"])


class ErrorClass(ErrorCount):
    share: float = Field(description="Of all failed calls, from 0 to 1.")
    tools: list[FailedTool] = Field(description="The 20 tools with the most calls of this class.")
    last_seen: datetime | None
    examples: list[FailedCall] = Field(description="The newest calls.")
    calls_over_time: list[int] = Field(
        [],
        description="Only with `interval`: how many of the calls are in each interval, one number for each point of `time_series`. "
        "Calls without a date are in none.",
        examples=[[0, 2, 0]],
    )


class FailedPoint(BaseModel):
    start: datetime
    date: LocalDate
    calls: int = Field(description="Failed calls of all classes.")


class ErrorRange(UsageRange):
    """What was counted: [start, end), null where open."""

    interval: Interval | None = Field(None, description="Only with `interval`: that of the time series.")


class ToolErrors(BaseModel):
    range: ErrorRange
    failed_calls: int = Field(description="Calls that did not succeed: errors, timeouts, rejected and cancelled ones.")
    classes: list[ErrorClass] = Field(description="The most frequent class first.")
    time_series: list[FailedPoint] = Field(
        [], description="Only with `interval`: points without gaps. Those of each class are in its `calls_over_time`."
    )
