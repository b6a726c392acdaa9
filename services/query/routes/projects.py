"""Projects with their totals."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.answers.lists import Project, ProjectDetails, ProjectRules
from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, dates, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import ProjectId
from services.query.parameters.lists import ProjectList
from services.query.queries.lists import projects
from shared.auth.scopes import NUMBERS, READ, requires
from shared.http.errors import NotFound, existing

router = APIRouter(tags=["projects"], responses=RESPONSES)


@router.get("/api/projects", response_model=list[Project], responses=LIST_RESPONSES, summary="Projects, newest session first")
@requires(NUMBERS)
def list_projects(request: Request, parameters: Annotated[ProjectList, Query()]) -> Response:
    """A bare array; where there are more than `limit`, the `Link` header says where the next page is.

    With a user, a machine or dates: projects with such a session that starts in that time. Their totals are of all users and all time;
    /api/stats has totals of a time.
    """
    filters = projects.ProjectFilters(
        parameters.user,
        *dates(request, parameters),
        parameters.machine,
        parameters.group,
        parameters.repository,
        parameters.archived,
        parameters.parts,
    )
    return list_response(
        request,
        parameters,
        lambda connection, wanted: projects.projects(connection, filters, wanted, parameters.sort, ascending=parameters.order == "asc"),
        to_body=lambda page: _with_link(page, request, parameters),
    )


@router.get("/api/projects/{project_id}", response_model=ProjectDetails, summary="One project", dependencies=[Depends(refuse_parameters)])
@requires(NUMBERS)
def show_project(request: Request, project_id: ProjectId) -> Response:
    """A project with its totals, its other paths and why they count as it, and what was changed of it."""
    return read_response(request, lambda connection: existing(projects.project_details(connection, project_id), _unknown(project_id)))


@router.get(
    "/api/project-rules",
    response_model=ProjectRules,
    summary="Rules that merge projects by path",
    dependencies=[Depends(refuse_parameters)],
)
@requires(READ, all_projects=True)
def list_path_rules(request: Request) -> Response:
    """They hold paths of all projects, so a key that is bound to some gets a 403."""
    return read_response(request, projects.path_rules)


def existing_project(connection: Connection, project_id: int) -> Project:
    """The project with its totals; 404 if there is none of this id."""
    return existing(projects.project(connection, project_id), _unknown(project_id))


def _unknown(project_id: int) -> NotFound:
    return NotFound(f"There is no project {project_id}; see /api/projects.", code="PROJECT_NOT_FOUND")


def _with_link(page: projects.ProjectPage, request: Request, parameters: ProjectList) -> tuple[Any, dict[str, str]]:
    if page.next_cursor is None:
        return page.items, {}
    query = urlencode(
        parameters.model_dump(exclude={"cursor"}, exclude_defaults=True)
        | {"limit": parameters.limit or parameters.page_items, "cursor": page.next_cursor}
    )
    return page.items, {"Link": f'<{request.url.path}?{query}>; rel="next"'}
