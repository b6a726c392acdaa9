"""Files and their history: parameters and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.query.schemas.fields import Absent, Dated, OptionalMachine, OptionalProject, OptionalUser, Page, Text
from services.query.schemas.lists import SessionMachine


class FileList(Dated):
    project_id: OptionalProject = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    path: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=4096, description="Only this file. With `*` at its end: every path with this prefix."),
    ] = None
    contains: Annotated[
        Text | None,
        Absent(),
        Field(min_length=1, max_length=400, description="Only paths with this text, whatever its case.", examples=["timer"]),
    ] = None


class FileHistoryList(Dated):
    path: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=4096,
            description="The file. With `*` at its end: every path with this prefix. With `project_id` it may be relative to the project.",
            examples=["/home/ann/claude-tracker/src/timer.ts"],
        ),
    ]
    project_id: OptionalProject = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    action: Annotated[Literal["created", "modified", "deleted"] | None, Absent(), Field(description="Only this kind of change.")] = None


class File(BaseModel):
    file_path: str
    project_id: int | None
    project_name: str | None
    changes: int
    lines_added: int
    lines_removed: int
    last_change: datetime | None = Field(description="null if the time is unknown.")


class FilePage(Page):
    items: list[File]


class ChangePrompt(BaseModel):
    id: UUID = Field(description="The message's id.")
    text: str = Field(description="Its first 1,000 characters.")
    left_out_characters: int
    timestamp: datetime | None


class FileChange(BaseModel):
    id: UUID
    timestamp: datetime | None = Field(description="null if the time is unknown.")
    file_path: str | None
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: bool = Field(description="True if the line counts are estimated from the tool call.")
    patch: str | None = Field(description="A unified diff without its head; null if it is not known.")
    patch_left_out_lines: int = Field(description="How many lines of the diff were left out at its end.")
    session_id: str | None
    session_title: str | None
    project_id: int | None
    project_name: str | None
    user: str | None
    machines: list[SessionMachine] = Field(description="Those that the session was seen on.")
    agent_id: str | None = Field(description="The subagent that changed the file.")
    tool_call_id: UUID | None = Field(description="The tool call that made the change.")
    prompt: ChangePrompt | None = Field(description="What the person said last before it, in the session's main thread.")


class ChangeDay(BaseModel):
    day: date = Field(description="In the time zone `tz`.")
    changes: int
    lines_added: int
    lines_removed: int


class FileHistorySummary(BaseModel):
    changes: int = Field(description="Number of changes that match; at most 10,000.")
    is_complete: bool = Field(description="False: there are more; the summary is of the newest 10,000.")
    files: int
    sessions: int
    people: int
    lines_added: int
    lines_removed: int
    first_change: datetime | None
    last_change: datetime | None
    days: list[ChangeDay] = Field(
        description="The same by day, the oldest first; days without a change are left out, changes without a time too."
    )


class FileHistoryPage(Page):
    summary: FileHistorySummary | None = Field(description="Of all pages together; null on every page but the first.")
    items: list[FileChange]


_COUNTS: Final[dict[str, Any]] = {"lines_added": 40, "lines_removed": 6}
FILES_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "file_path": "/home/ann/claude-tracker/src/timer.ts",
            "project_id": 1,
            "project_name": "claude-tracker",
            "changes": 4,
            **_COUNTS,
            "last_change": "2024-01-15T10:12:00Z",
        }
    ],
    "next_cursor": None,
}
FILE_HISTORY_EXAMPLE: Final[dict[str, Any]] = {
    "summary": {
        "changes": 4,
        "is_complete": True,
        "files": 1,
        "sessions": 2,
        "people": 1,
        **_COUNTS,
        "first_change": "2024-01-12T14:02:00Z",
        "last_change": "2024-01-15T10:12:00Z",
        "days": [
            {"day": "2024-01-12", "changes": 3, "lines_added": 39, "lines_removed": 5},
            {"day": "2024-01-15", "changes": 1, "lines_added": 1, "lines_removed": 1},
        ],
    },
    "items": [
        {
            "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "timestamp": "2024-01-15T10:12:00Z",
            "file_path": "/home/ann/claude-tracker/src/timer.ts",
            "action": "modified",
            "lines_added": 1,
            "lines_removed": 1,
            "is_estimated": False,
            "patch": "@@ -12,3 +12,3 @@\n useEffect(() => {\n-  start()\n+  return start()\n }, [])",
            "patch_left_out_lines": 0,
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "session_title": "Retry failed uploads",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "machines": [{"machine_id": "k3Zr0vVh2mXq", "name": "ann-laptop"}],
            "agent_id": None,
            "tool_call_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6c",
            "prompt": {
                "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6d",
                "text": "Clean up the timer when the component unmounts",
                "left_out_characters": 0,
                "timestamp": "2024-01-15T10:10:00Z",
            },
        }
    ],
    "next_cursor": None,
}
