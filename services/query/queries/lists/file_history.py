"""The history of a file or folder: every change over all sessions and machines, with the prompt that led to it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.files import ChangePrompt, FileChange, FileHistoryPage, FileHistorySummary
from services.query.database import Connection, Row, fetch_one, rows
from services.query.queries.lists.events import BY_TIME, file_parameters
from services.query.queries.lists.paging import Paging, page
from services.query.queries.lists.projects import ALL_PROJECTS, ChosenProjects
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "file_history.sql")

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
    items, next_cursor = page(connection, FileChange, _SQL.history, parameters | after, paging, BY_TIME, prepare=_prepare, has_texts=True)
    if paging.cursor is not None:
        return FileHistoryPage(None, items, next_cursor)
    of_all = parameters | dict.fromkeys(after) | {"fetch": MOST_COUNTED}
    return FileHistoryPage(fetch_one(connection, FileHistorySummary, _SQL.summary, of_all), items, next_cursor)


def _prepare(row: Row) -> None:
    """The prompt in one object; None if nobody had said anything."""
    prompt_id, text, left_out, at = (row.pop(f"prompt_{name}") for name in ("id", "text", "left_out", "at"))
    row["prompt"] = None if prompt_id is None else ChangePrompt(prompt_id, text, left_out, at)


def _files(connection: Connection, file_path: str) -> Row:
    """The files as parameters. One file is compared by itself: only then an index has its changes in order."""
    if file_path.endswith("*"):
        return {"file_key": None} | file_parameters(connection, file_path)
    keys: list[UUID] = [row["file_key"] for row in rows(connection, _FILE_KEY, {"file_path": file_path})]
    return {"file_key": keys[0] if keys else None, "file_keys": None if keys else [], "path_prefix": None}
