"""Files that were changed, for choosing one."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.files import File, FilePage
from services.query.database import Connection, Row, first_row
from services.query.queries.lists.events import file_parameters
from services.query.queries.lists.paging import Paging, page
from services.query.queries.lists.projects import ChosenProjects
from services.query.queries.lists.users import bound_user_ids
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "files.sql")

_PROJECT_PATH: Final = "SELECT path FROM projects WHERE id = %(project_id)s"


# What the rollups have too.
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
