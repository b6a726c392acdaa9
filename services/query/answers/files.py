"""Files and their history: parameters and answers."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc
from services.query.answers.lists import SessionMachine


class File(Answer):
    file_path: str
    project_id: int | None
    project_name: str | None
    changes: int
    lines_added: int
    lines_removed: int
    sessions: Annotated[int | None, doc("How many sessions changed it; null if retention has dropped one that did.")]
    last_change: Annotated[datetime | None, doc("null if the time is unknown, as of changes that retention has dropped.")]


class FilePage(Answer):
    items: Annotated[
        list[File],
        doc(
            "With the changes of sessions that retention has dropped, of which the UTC day is known. With a user or a machine: of sessions that are kept."
        ),
    ]
    next_cursor: NextCursor


class ChangePrompt(Answer):
    id: Annotated[UUID, doc("The message's id.")]
    text: Annotated[str, doc("Its first 1,000 characters.")]
    left_out_characters: int
    timestamp: datetime | None


class FileChange(Answer):
    id: UUID
    timestamp: Annotated[datetime | None, doc("null if the time is unknown.")]
    file_path: str | None
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: Annotated[bool, doc("True if the line counts are estimated from the tool call.")]
    patch: Annotated[str | None, doc("A unified diff without its head; null if it is not known.")]
    patch_left_out_lines: Annotated[int, doc("How many lines of the diff were left out at its end.")]
    session_id: str | None
    session_title: str | None
    project_id: int | None
    project_name: str | None
    user: str | None
    machines: Annotated[list[SessionMachine], doc("Those that the session was seen on.")]
    agent_id: Annotated[str | None, doc("The subagent that changed the file.")]
    tool_call_id: Annotated[UUID | None, doc("The tool call that made the change.")]
    prompt: Annotated[ChangePrompt | None, doc("What the person said last before it, in the session's main thread.")]


class ChangeDay(Answer):
    day: Annotated[date, doc("In the time zone `tz`.")]
    changes: int
    lines_added: int
    lines_removed: int


class FileHistorySummary(Answer):
    changes: Annotated[int, doc("Number of changes that match; at most 10,000.")]
    is_complete: Annotated[bool, doc("False: there are more; the summary is of the newest 10,000.")]
    files: int
    sessions: int
    people: int
    lines_added: int
    lines_removed: int
    first_change: datetime | None
    last_change: datetime | None
    days: Annotated[
        list[ChangeDay], doc("The same by day, the oldest first; days without a change are left out, changes without a time too.")
    ]


class FileHistoryPage(Answer):
    summary: Annotated[FileHistorySummary | None, doc("Of all pages together; null on every page but the first.")]
    items: list[FileChange]
    next_cursor: NextCursor
