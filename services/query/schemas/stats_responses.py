"""The shapes of statistics: totals, series, and who and what they are made of. Documentation only, as in answers.py."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from services.query.schemas.list_responses import Project


class Measures(BaseModel):
    sessions: int
    time_minutes: float
    active_minutes: float
    messages: int
    user_messages: int
    assistant_messages: int
    files_modified: int = Field(description="Distinct files.")
    lines_added: int
    lines_removed: int
    tool_calls: int
    tool_errors: int
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    api_calls: int
    unpriced_calls: int = Field(description="API calls whose price is not known: `cost_usd` is of the others.")
    cost_usd: float | None = Field(description="null where no price is known, on a quiet day too; unknown is never 0.")


class Totals(Measures):
    idle_gap_seconds: int


class Point(Measures):
    start: datetime


class CountedRange(BaseModel):
    """What was counted: [start, end), null where open."""

    start: datetime | None
    end: datetime | None
    tz: str
    interval: Literal["hour", "day", "week", "month"] = Field(description="Of the time series.")


class Tool(BaseModel):
    tool_name: str
    calls: int
    success: int
    errors: int
    rejected: int
    error_rate: float
    avg_ms: float | None
    max_ms: int | None
    last_used: datetime | None


class TimedTool(Tool):
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class TopFile(BaseModel):
    file_path: str | None
    project_id: int | None = Field(None, description="Only in the stats over all projects.")
    touches: int
    lines_added: int
    lines_removed: int
    last_touched: datetime | None


class UserShare(BaseModel):
    user: str | None = Field(description="null: not known.")
    sessions: int
    messages: int
    active_minutes: float
    tool_calls: int
    lines_added: int
    lines_removed: int
    api_calls: int
    unpriced_calls: int = Field(description="API calls whose price is not known: `cost_usd` is of the others.")
    cost_usd: float | None = Field(description="null where no price is known; unknown is never 0.")


class HeatmapCell(BaseModel):
    weekday: int = Field(description="0 is Monday.")
    hour: int
    active_minutes: float


class Stats(BaseModel):
    project: Project | None = Field(description="null in the stats over all projects.")
    range: CountedRange
    totals: Totals
    time_series: list[Point] = Field(description="Without holes.")
    tools: list[Tool] = Field(description="Percentiles of their times are at /api/tool-calls/stats.")
    top_files: list[TopFile] = Field(description="The 20 most touched.")
    users: list[UserShare]
    heatmap: list[HeatmapCell] = Field(description="168 cells: every hour of a week in `tz`.")


class CallPoint(BaseModel):
    start: datetime
    calls: int
    errors: int


class ToolStats(BaseModel):
    range: CountedRange
    total_calls: int
    tools: list[TimedTool]
    time_series: list[CallPoint]
