"""Files that were changed, and the history of one."""

import posixpath
import re
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, chosen_projects, dates, settings_of
from services.query.parameters.fields import (
    Absent,
    Dated,
    Filtered,
    OptionalText,
    Text,
    text_of,
)
from services.query.queries.lists import files
from services.query.queries.lists.files import FileHistoryPage, FilePage, HistoryFilters
from services.query.queries.lists.paging import Paging
from services.query.queries.stats import ranges
from shared.auth.scopes import READ, requires
from shared.http.errors import invalid


class FileList(Dated, Filtered):
    path: Annotated[OptionalText, text_of("Only this file. With `*` at its end: every path with this prefix.", 4096)] = None
    contains: Annotated[OptionalText, text_of("Only paths with this text, whatever its case.", 400, examples=["timer"])] = None
    sort: Literal["changes", "lines_changed", "sessions", "last_change"] = Field(
        "changes", description="Sort key. An unknown date sorts below every known one."
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or largest first.")


class FileHistoryList(Dated, Filtered):
    path: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=4096,
            description="The file. With `*` at its end: every path with this prefix. With `project_id` it may be relative to the project.",
            examples=["/home/ann/claude-tracker/src/timer.ts"],
        ),
    ]
    action: Annotated[Literal["created", "modified", "deleted"] | None, Absent(), Field(description="Only this kind of change.")] = None


router = APIRouter(tags=["activities"], responses=RESPONSES)

_DRIVE: Final = re.compile(r"[A-Za-z]:")


@router.get(
    "/api/files",
    response_model=FilePage,
    responses=LIST_RESPONSES,
    summary="Files that were changed, the most changed first or in another order",
)
@requires(READ)
def list_files(request: Request, parameters: Annotated[FileList, Query()]) -> Response:
    """With how often each was changed, and when last. A file that sessions of two projects changed is listed for each.

    With dates, a user or a machine: files with such changes, and these alone are counted.
    """
    projects = chosen_projects(request, parameters)
    start, end = dates(request, parameters)
    changes = files.ChangeFilters(start, end, parameters.user, parameters.machine)
    return list_response(
        request,
        parameters,
        lambda connection, wanted: files.files(
            connection,
            projects,
            parameters.path,
            parameters.contains,
            changes,
            wanted,
            parameters.sort,
            ascending=parameters.order == "asc",
        ),
    )


@router.get(
    "/api/files/history",
    response_model=FileHistoryPage,
    responses=LIST_RESPONSES,
    summary="Every change of a file, newest first",
)
@requires(READ)
def show_file_history(request: Request, parameters: Annotated[FileHistoryList, Query()]) -> Response:
    """Over all sessions and machines: who changed the file, how, and what the person had asked for.

    A `path` that ends in `*` means every path with this prefix, a folder for instance.
    """
    start, end = dates(request, parameters)
    projects = chosen_projects(request, parameters)
    tz = ranges.time_zone(parameters.tz or settings_of(request).timezone)
    filters = HistoryFilters(projects, parameters.user, parameters.machine, parameters.action, start, end, tz.key)

    def read(connection: Connection, wanted: Paging) -> FileHistoryPage:
        path = _absolute(connection, parameters.path, parameters.project_id)
        return files.file_history(connection, path, filters, wanted)

    return list_response(request, parameters, read)


def _absolute(connection: Connection, path: str, project_id: int | None) -> str:
    """The path as events have it. BadRequest for a relative path without a project, or with one that is not known."""
    if path.startswith(("/", "\\")) or _DRIVE.match(path):
        return path
    if project_id is None:
        raise invalid("path", "is relative; give it from the root, or give its project too, with project_id")
    folder = files.project_path(connection, project_id)
    if folder is None:
        raise invalid("project_id", "is not known, and the path is relative to it; see /api/projects")
    prefix, star = path.replace("\\", "/"), ""
    if prefix.endswith("*"):
        prefix, star = prefix[:-1], "*"
    ends_in_folder = prefix == "" or prefix.endswith("/")
    joined = posixpath.normpath(f"{folder}/{prefix}") + ("/" if ends_in_folder else "") + star
    # Claude Code on Windows names files with backslashes.
    return joined.replace("/", "\\") if _DRIVE.match(folder) else joined
