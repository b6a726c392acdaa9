"""Failed tool calls by class: parameters and answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from services.query.answers.answer import Answer
from services.query.answers.fields import doc
from services.query.answers.stats import ErrorCount, Interval, LocalDate, UsageRange


class FailedTool(Answer):
    tool_name: str
    calls: int


class FailedCall(Answer):
    id: UUID
    session_id: str | None
    project_id: int | None
    tool_name: str
    result_status: Literal["error", "rejected", "cancelled", "timeout"]
    timestamp: datetime | None
    input: Annotated[
        str | None,
        doc(
            "The beginning of what it was called with: its command, path, pattern or URL, else all parameters as JSON.",
            examples=["npm test"],
        ),
    ]
    error: Annotated[str | None, doc("The beginning of what Claude was told; null if not kept.", examples=["Exit code 1"])]


class ErrorClass(ErrorCount, kw_only=True):
    share: Annotated[float, doc("Of all failed calls, from 0 to 1.")]
    tools: Annotated[list[FailedTool], doc("The 20 tools with the most calls of this class.")]
    last_seen: datetime | None
    examples: Annotated[list[FailedCall], doc("The newest calls.")]
    calls_over_time: Annotated[
        list[int] | UnsetType,
        doc(
            "Only with `interval`: how many of the calls are in each interval, one number for each point of `time_series`. "
            "Calls without a date are in none.",
            examples=[[0, 2, 0]],
        ),
    ] = UNSET


class FailedPoint(Answer):
    start: datetime
    date: LocalDate
    calls: Annotated[int, doc("Failed calls of all classes.")]


class ErrorRange(UsageRange, kw_only=True):
    """What was counted: [start, end), null where open."""

    interval: Annotated[Interval | UnsetType, doc("Only with `interval`: that of the time series.")] = UNSET


class ToolErrors(Answer, kw_only=True):
    range: ErrorRange
    failed_calls: Annotated[int, doc("Calls that did not succeed: errors, timeouts, rejected and cancelled ones.")]
    classes: Annotated[list[ErrorClass], doc("The most frequent class first.")]
    time_series: Annotated[
        list[FailedPoint] | UnsetType, doc("Only with `interval`: points without gaps. Those of each class are in its `calls_over_time`.")
    ] = UNSET
