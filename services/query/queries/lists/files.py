"""Files that were changed, for choosing one."""

from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc
from services.query.answers.lists import SessionMachine
from services.query.database import Connection, Row, fetch_one, first_row, rows
from services.query.queries.lists.events import BY_TIME, file_parameters
from services.query.queries.lists.paging import Paging, page
from services.query.queries.lists.projects import ALL_PROJECTS, ChosenProjects
from services.query.queries.lists.users import bound_user_ids
from shared.sql_files import SqlFile


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


_SQL: Final = SqlFile(__package__, "files.sql")

_PROJECT_PATH: Final = "SELECT path FROM projects WHERE id = %(project_id)s"


# Sorts that the rollups can answer.
_OF_ROLLUPS: Final = frozenset({"changes", "lines_changed"})


class ChangeFilters(Struct, frozen=True):
    """The changes that count; None matches any."""

    start: datetime | None = None
    end: datetime | None = None
    user: str | None = None
    machine: str | None = None


def files(
    connection: Connection,
    projects: ChosenProjects,
    file_path: str | None,
    contains: str | None,
    changes: ChangeFilters,
    paging: Paging,
    sort: str = "changes",
    *,
    ascending: bool = False,
) -> FilePage:
    """Files by a number of their changes, or by the last, each once for each project. `file_path` is exact, or a beginning if it ends in *."""
    parameters: Row = {"contains": contains} | projects.parameters(connection) | file_parameters(connection, file_path) | asdict(changes)
    parameters |= {"sort": sort, "ascending": ascending} | paging.after(number="float", key="uuid", project="int")
    # The rollups of files do not know users.
    is_in_rollups = changes == ChangeFilters() and sort in _OF_ROLLUPS and bound_user_ids(connection) is None
    sql = _SQL.files if is_in_rollups else _SQL.files_of_changes
    items, next_cursor = page(connection, File, sql, parameters, paging, ("sort_number", "file_key", "of_project"))
    return FilePage(items, next_cursor)


def project_path(connection: Connection, project_id: int) -> str | None:
    """The normalized path of a project; None if there is none of this id."""
    found = first_row(connection, _PROJECT_PATH, {"project_id": project_id})
    return None if found is None else str(found["path"])


_HISTORY: Final = SqlFile(__package__, "file_history.sql")

# The summary counts this many changes, the newest.
MOST_COUNTED: Final = 10_000

PROMPT_CHARACTERS: Final = 1000
_FILE_KEY: Final = "SELECT file_key FROM files WHERE left(file_path, 400) = left(%(file_path)s, 400) AND file_path = %(file_path)s"


class HistoryFilters(Struct, frozen=True):
    """The filters for changes; None matches any."""

    projects: ChosenProjects = ALL_PROJECTS
    user: str | None = None
    machine: str | None = None
    action: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    # Sets the days of the summary.
    tz: str = "UTC"


def file_history(connection: Connection, file_path: str, filters: HistoryFilters, paging: Paging) -> FileHistoryPage:
    """A page of changes, newest first. The summary is of all pages, and None on later ones.

    `file_path` is exact, or a beginning if it ends in *.
    """
    parameters = asdict(filters) | filters.projects.parameters(connection) | _files(connection, file_path)
    parameters |= {"prompt_characters": PROMPT_CHARACTERS}
    after = paging.after(time="time", id="uuid")
    items, next_cursor = page(
        connection, FileChange, _HISTORY.history, parameters | after, paging, BY_TIME, prepare=_prepare, has_texts=True
    )
    if paging.cursor is not None:
        return FileHistoryPage(None, items, next_cursor)
    of_all = parameters | dict.fromkeys(after) | {"fetch": MOST_COUNTED}
    return FileHistoryPage(fetch_one(connection, FileHistorySummary, _HISTORY.summary, of_all), items, next_cursor)


def _prepare(row: Row) -> None:
    """The prompt in one object; None if the change had no prompt before it."""
    prompt_id, text, left_out, at = (row.pop(f"prompt_{name}") for name in ("id", "text", "left_out", "at"))
    row["prompt"] = None if prompt_id is None else ChangePrompt(prompt_id, text, left_out, at)


def _files(connection: Connection, file_path: str) -> Row:
    """The files as parameters. One file is compared by itself: only then an index has its changes in order."""
    if file_path.endswith("*"):
        return {"file_key": None} | file_parameters(connection, file_path)
    keys: list[UUID] = [row["file_key"] for row in rows(connection, _FILE_KEY, {"file_path": file_path})]
    return {"file_key": keys[0] if keys else None, "file_keys": None if keys else [], "path_prefix": None}
