"""Projects with their totals: the list, and one."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.lists import Project, ProjectDetails, ProjectEdit, ProjectPart, ProjectRule, ProjectRules
from services.query.cursor import Kind
from services.query.database import Connection, Prepare, Row, fetch, fetch_first, rows
from services.query.queries.lists.paging import Paging, page
from services.query.queries.lists.users import bound_user_ids
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "projects.sql")
# The name of a change by the column that it changed. A merge changes several.
_WHAT: Final = {
    "name": "name",
    "group_name": "group",
    "is_archived": "archived",
    "visibility": "visibility",
    "part_of": "merge",
    "is_kept_apart": "kept_apart",
}

# By what is not a number: its parameter, the kind of its key in a cursor, and its column.
_SORTS: Final[dict[str, tuple[str, Kind, str]]] = {
    "last_session": ("after_time", "time", "last_session"),
    "name": ("after_name", "text", "name"),
}
# No row has it.
_NO_PROJECT: Final = -2
_NO_PAGE: Final[Row] = {"after_time": None, "after_number": None, "after_name": None, "after_id": None}


class ProjectPage(Struct):
    """The answer is the items alone; the cursor is in its header `Link`."""

    items: list[Project]
    next_cursor: str | None


class ProjectFilters(Struct, frozen=True):
    """Selects projects with a session by this user, on this machine, that starts in [start, end). None matches any."""

    user: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    # The id or the name of one that the session was seen on.
    machine: str | None = None
    group: str | None = None
    repository: str | None = None
    archived: str = "no"
    parts: bool = False


class ChosenProjects(Struct, frozen=True):
    """The projects whose rows a list shows: one, those of a group, of a repository. None matches any; all that is given must hold."""

    project_id: int | None = None
    group: str | None = None
    repository: str | None = None

    def ids(self, connection: Connection) -> list[int] | None:
        """Their ids, None for all projects. An unknown group or repository, and one of which the key sees no project, has none."""
        found = projects_of(connection, self.group, self.repository)
        if found is None:
            return None if self.project_id is None else [self.project_id]
        return [each for each in found if self.project_id in (None, each)]

    def parameters(self, connection: Connection) -> Row:
        """For SQL: `project_id` for one project or none, since an index in the order of time serves it; `projects` for several."""
        ids = self.ids(connection)
        if ids is None or len(ids) > 1:
            return {"project_id": None, "projects": ids}
        return {"project_id": ids[0] if ids else _NO_PROJECT, "projects": None}


ALL_PROJECTS: Final = ChosenProjects()


def projects(
    connection: Connection, filters: ProjectFilters, paging: Paging, sort: str = "last_session", *, ascending: bool = False
) -> ProjectPage:
    """Projects in the order that is asked for, with totals of all time. Projects without a date or cost sort below all others."""
    name, kind, column = _SORTS.get(sort, ("after_number", "float", "sort_number"))
    key, key_id = paging.last_keys((kind, "int")) or (None, None)
    parameters = asdict(filters) | _NO_PAGE | {"id": None, "sort": sort, "ascending": ascending, name: key, "after_id": key_id}
    parameters |= {"users": bound_user_ids(connection)}
    items, next_cursor = page(connection, Project, _SQL.projects, parameters, paging, (column, "id"), prepare=_labelled(connection))
    return ProjectPage(items, next_cursor)


def project(connection: Connection, project_id: int) -> Project | None:
    """One project; None if the id is unknown."""
    parameters = asdict(ProjectFilters()) | _NO_PAGE | {"id": project_id, "sort": "last_session", "ascending": False, "fetch": 1}
    parameters |= {"users": bound_user_ids(connection)}
    return fetch_first(connection, Project, _SQL.projects, parameters, _labelled(connection))


def project_details(connection: Connection, project_id: int) -> ProjectDetails | None:
    """One project with its parts, its place and its changes; None if the id is unknown."""
    found = project(connection, project_id)
    if found is None:
        return None
    [place] = rows(connection, _SQL.place, {"id": project_id})
    parts = fetch(connection, ProjectPart, _SQL.parts, {"id": project_id}, _told)
    own = [each for each in parts if each.id == project_id]
    return ProjectDetails(
        **asdict(found),
        part_of=own[0] if own else None,
        kept_apart=place["is_kept_apart"],
        parts=[each for each in parts if each.id != project_id][:1000],
        changes=[_edit(row) for row in rows(connection, _SQL.changes, {"id": project_id})],
    )


def path_rules(connection: Connection) -> ProjectRules:
    """All rules about paths."""
    return ProjectRules(items=fetch(connection, ProjectRule, _SQL.rules))


def projects_of(connection: Connection, group: str | None, repository: str | None) -> tuple[int, ...] | None:
    """The projects of a group, or of a repository, or of both; None if neither is given. An unknown one has none."""
    if group is None and repository is None:
        return None
    return tuple(row["id"] for row in rows(connection, _SQL.of_group, {"group": group, "repository": repository}))


def whole_of(connection: Connection, project_id: int) -> int:
    """The project under which what begins in a project counts: itself, unless it is part of another."""
    found = rows(connection, _SQL.whole, {"id": project_id})
    return int(found[0]["id"]) if found else project_id


def _told(row: Row) -> None:
    """Makes of a part's evidence a sentence."""
    evidence, key = row.pop("merge_evidence"), row.pop("merged_by_key")
    row["because"] = {
        "hand": f"A person merged them{'' if key in (None, 'open') else f', with the key {key}'}.",
        "worktree": f"Both are worktrees of {evidence}.",
        "remote": f"Both are clones of {evidence}.",
        "path_rule": f"The rule {evidence} says so.",
    }[row["merged_by"]]


def _edit(row: Row) -> ProjectEdit:
    what: list[Any] = [name for column, name in _WHAT.items() if column in row["after"]]
    return ProjectEdit(at=row["at"], who=row["who"], what=what or ["merge"], undone_at=row["undone_at"])


def project_labels(connection: Connection) -> dict[int | None, str]:
    """How the projects that are listed are called, by id: by their names, with the folder above where several have one."""
    return {row["id"]: row["label"] for row in rows(connection, _SQL.labels)}


def _labelled(connection: Connection) -> Prepare:
    labels = project_labels(connection)

    def prepare(row: Row) -> None:
        row.pop("sort_number", None)
        row["label"] = labels.get(row["id"], row["name"])

    return prepare
