"""Projects and the stats object."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.database import Connection, Row
from services.query.http.parameters import FAILURES, every_project, paging, refuse_parameters, settings_of, stats_range
from services.query.http.read_response import read_response
from services.query.queries.lists import projects_and_sessions
from services.query.queries.lists.paging import Page
from services.query.queries.stats.totals_and_series import Scope, stats
from services.query.schemas import list_responses, stats_responses
from services.query.schemas.query_parameters import ProjectId, ProjectList, StatsParameters
from shared.auth.scopes import NUMBERS, READ, requires
from shared.http.errors import NotFound

router = APIRouter(tags=["projects"], responses=FAILURES)


@router.get("/api/projects", response_model=list[list_responses.Project], summary="All projects, that of the newest session first")
@requires(READ)
def list_projects(request: Request, asked: Annotated[ProjectList, Query()]) -> Response:
    """A bare array; where there are more than `limit`, the `Link` header says where the next page is."""
    wanted = paging(request, asked)
    return read_response(
        request,
        lambda connection: projects_and_sessions.projects(connection, wanted),
        to_body=lambda page: _bare(page, request, asked.limit),
    )


@router.get(
    "/api/projects/{project_id}", response_model=list_responses.Project, summary="One project", dependencies=[Depends(refuse_parameters)]
)
@requires(READ)
def show_project(request: Request, project_id: ProjectId) -> Response:
    """A project with its totals."""
    return read_response(request, lambda connection: _project(connection, project_id))


@router.get("/api/projects/{project_id}/stats", response_model=stats_responses.Stats, tags=["stats"], summary="Where a project's time went")
@requires(NUMBERS)
def show_project_stats(request: Request, project_id: ProjectId, asked: Annotated[StatsParameters, Query()]) -> Response:
    """Totals, a time series without holes, tools, files, users and a heatmap. Without dates, what has no date counts too."""
    wanted = stats_range(request, asked)
    idle_gap_seconds = settings_of(request).idle_gap_seconds

    def read(connection: Connection) -> Row:
        project = _project(connection, project_id)
        return {"project": project} | stats(connection, Scope(project_id), wanted, idle_gap_seconds)

    return read_response(request, read)


@router.get("/api/stats", response_model=stats_responses.Stats, tags=["stats"], summary="Where all the time went")
@requires(NUMBERS)
def show_stats(request: Request, asked: Annotated[StatsParameters, Query()]) -> Response:
    """The same over all projects; `project` is null, and `top_files` tell their project."""
    wanted = stats_range(request, asked)
    idle_gap_seconds = settings_of(request).idle_gap_seconds
    of_whom = Scope(every_project(request))
    return read_response(request, lambda connection: {"project": None} | stats(connection, of_whom, wanted, idle_gap_seconds))


def _project(connection: Connection, project_id: int) -> Row:
    found = projects_and_sessions.project(connection, project_id)
    if found is None:
        raise NotFound(f"There is no project {project_id}; see /api/projects.", code="PROJECT_NOT_FOUND")
    return found


def _bare(page: Page, request: Request, limit: int) -> tuple[Any, dict[str, str]]:
    if page.next_cursor is None:
        return page.items, {}
    query = urlencode({"limit": limit, "cursor": page.next_cursor})
    return page.items, {"Link": f'<{request.url.path}?{query}>; rel="next"'}
