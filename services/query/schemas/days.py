"""A day: parameters and answer."""

import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from services.query.queries.days.day import ASK_CHARACTERS, MOST_ASKS, MOST_FAILURES, MOST_FILES
from services.query.schemas.fields import (
    Absent,
    ListFormat,
    OptionalMachine,
    OptionalProject,
    OptionalUser,
    Parameters,
    TitleSource,
    Zone,
    table_of,
)
from services.query.schemas.shares import SessionShare
from services.query.schemas.stats import UsageMeasures, UsageRange


class DayParameters(Parameters):
    tz: Zone = None
    project_id: OptionalProject = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    limit: int = Field(100, ge=1, le=500, description="Most sessions: the first ones of the day. The sums are of all.")
    format: Annotated[ListFormat | None, Absent(), table_of("sessions")] = None


class DayMeasures(UsageMeasures):
    user_messages: int = Field(description="Prompts.")
    files_modified: int = Field(description="Number of distinct files.")


class DayProject(DayMeasures):
    project_id: int | None = Field(description="null if unknown.")
    project_name: str | None


class DayAsk(BaseModel):
    message_id: UUID
    timestamp: datetime.datetime
    text: str = Field(description=f"The first {ASK_CHARACTERS} characters.")


class DayFile(BaseModel):
    file_path: str | None
    lines_added: int
    lines_removed: int


class DayCommit(BaseModel):
    timestamp: datetime.datetime
    subject: str
    hash: str | None = Field(description="As short as git printed it; null if it printed nothing.")


class DayPullRequest(BaseModel):
    timestamp: datetime.datetime
    url: str


class DayFailure(BaseModel):
    tool_name: str
    error_class: str | None
    calls: int


class DaySession(BaseModel):
    """A session that was active on the day."""

    session_id: str
    title: str | None
    title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    model: str | None
    git_branch: str | None
    start_time: datetime.datetime | None
    began_before: bool = Field(description="Whether it began on an earlier day.")
    goes_on: bool = Field(description="Whether something happened in it on a later day.")
    first_at: datetime.datetime = Field(description="When it was first active on the day.")
    last_at: datetime.datetime = Field(description="When it was last active on the day.")
    share: SessionShare = Field(description="What of it is of this day.")
    asks: list[DayAsk] = Field(
        description=f"The first {MOST_ASKS} things that it was asked on the day: prompts, and commands that Claude answered."
    )
    files: list[DayFile] = Field(
        description=f"The {MOST_FILES} files with most lines changed on the day; `share.files_modified` counts all."
    )
    failures: list[DayFailure] = Field(description=f"Calls that failed, by tool and class: the {MOST_FAILURES} most frequent kinds.")
    commits: list[DayCommit] = Field(description="Those that its shell commands made, as their results say.")
    pull_requests: list[DayPullRequest] = Field(description="Those that its calls opened.")


class Day(BaseModel):
    date: datetime.date
    range: UsageRange
    totals: DayMeasures
    projects: list[DayProject] = Field(description="Those in which something happened, the most active first.")
    sessions: list[DaySession] = Field(description="In the order of their first activity on the day.")
    sessions_left_out: int = Field(description="Sessions of the day that are beyond `limit`.")
    standup: str | None = Field(description="The day as a short text to paste, made by rules.")


_SHARE: Final[dict[str, Any]] = {
    "active_minutes": 38.5,
    "user_messages": 6,
    "commands": 0,
    "messages": 24,
    "tool_calls": 61,
    "tool_errors": 2,
    "files_modified": 3,
    "lines_added": 80,
    "lines_removed": 12,
    "input_tokens": 5400,
    "output_tokens": 12800,
    "cache_creation_tokens": 31000,
    "cache_read_tokens": 910000,
    "api_calls": 33,
    "unpriced_calls": 0,
    "cost_usd": 1.42,
}
_SUMS: Final[dict[str, Any]] = _SHARE | {
    "sessions": 1,
    "active_sessions": 1,
    "total_tokens": 959200,
    "cache_saved_usd": 4.06,
    "uncached_input_usd": 4.73,
    "cache_unknown_calls": 0,
}
DAY_EXAMPLE: Final[dict[str, Any]] = {
    "date": "2024-01-15",
    "range": {"start": "2024-01-15T00:00:00Z", "end": "2024-01-16T00:00:00Z", "tz": "UTC", "is_default": False},
    "totals": _SUMS,
    "projects": [{"project_id": 1, "project_name": "claude-tracker"} | _SUMS],
    "sessions": [
        {
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "title": "Retry failed uploads",
            "title_source": "claude",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "model": "claude-opus-4-5-20251101",
            "git_branch": "main",
            "start_time": "2024-01-15T09:45:00Z",
            "began_before": False,
            "goes_on": False,
            "first_at": "2024-01-15T09:45:00Z",
            "last_at": "2024-01-15T10:30:00Z",
            "share": _SHARE,
            "asks": [
                {
                    "message_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
                    "timestamp": "2024-01-15T09:45:00Z",
                    "text": "Retry an upload that failed, three times at most",
                }
            ],
            "files": [{"file_path": "/home/ann/claude-tracker/src/upload.ts", "lines_added": 68, "lines_removed": 9}],
            "failures": [{"tool_name": "Bash", "error_class": "test_failed", "calls": 2}],
            "commits": [{"timestamp": "2024-01-15T10:21:00Z", "subject": "Retry failed uploads", "hash": "1a2b3c4"}],
            "pull_requests": [{"timestamp": "2024-01-15T10:24:00Z", "url": "https://github.com/ann/claude-tracker/pull/12"}],
        }
    ],
    "sessions_left_out": 0,
    "standup": "Mon 15 Jan 2024: 39 min with Claude Code (UTC)\n\nclaude-tracker (39 min)\n"
    "- Retry failed uploads (3 files +80 −12; 1 commit; 1 pull request; 39 min)\n  - commit 1a2b3c4 Retry failed uploads\n"
    "  - https://github.com/ann/claude-tracker/pull/12",
}
