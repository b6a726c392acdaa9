"""Stats, tool stats and usage."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.database import Connection, Row
from services.query.http.parameters import RESPONSES, every_project, selection, settings_of, stats_range
from services.query.http.read_response import read_response
from services.query.queries.stats.stats import Selection, stats
from services.query.queries.stats.tool_stats import tool_stats
from services.query.queries.stats.usage import usage
from services.query.routes.projects import existing_project
from services.query.schemas.fields import ProjectId
from services.query.schemas.stats import Stats, StatsParameters, ToolStats, ToolStatsParameters, UsageParameters, UsageReport
from shared.auth.scopes import METRICS, requires
from shared.database import ALL

router = APIRouter(responses=RESPONSES)


@router.get("/api/projects/{project_id}/stats", response_model=Stats, tags=["projects", "stats"], summary="Where a project's time went")
@requires(METRICS)
def show_project_stats(request: Request, project_id: ProjectId, parameters: Annotated[StatsParameters, Query()]) -> Response:
    """Totals, a time series without holes, tools, files, users and a heatmap. Without dates, what has no date counts too."""
    wanted = stats_range(request, parameters, parameters.interval)
    idle_gap_seconds = settings_of(request).idle_gap_seconds

    def read(connection: Connection) -> Row:
        project = existing_project(connection, project_id)
        return {"project": project} | stats(connection, Selection(project_id), wanted, idle_gap_seconds)

    return read_response(request, read)


@router.get("/api/stats", response_model=Stats, tags=["projects", "stats"], summary="Where all the time went")
@requires(METRICS)
def show_stats(request: Request, parameters: Annotated[StatsParameters, Query()]) -> Response:
    """The same over all projects; `project` is null, and `top_files` tell their project."""
    wanted = stats_range(request, parameters, parameters.interval)
    idle_gap_seconds = settings_of(request).idle_gap_seconds

    whole = Selection(every_project(request))
    return read_response(request, lambda connection: {"project": None} | stats(connection, whole, wanted, idle_gap_seconds))


@router.get("/api/tool-calls/stats", response_model=ToolStats, tags=["tool calls"], summary="Which tools are used, fail, or are slow")
@requires(METRICS)
def show_tool_stats(request: Request, parameters: Annotated[ToolStatsParameters, Query()]) -> Response:
    """By tool, the most used first. Errors are calls that failed or timed out. Percentiles are within 2 % of exact."""
    wanted = stats_range(request, parameters, parameters.interval)

    def read(connection: Connection) -> Row:
        return tool_stats(connection, selection(request, connection, parameters.project_id, parameters.user), parameters.tool_name, wanted)

    return read_response(request, read)


@router.get("/api/usage", response_model=UsageReport, tags=["usage"], summary="What it cost, by day, model, project or user")
@requires(METRICS)
def show_usage(request: Request, parameters: Annotated[UsageParameters, Query()]) -> Response:
    """Tokens, API calls and their cost at the price of their day. Of a session that only a `claude.json` tells of, what that says."""
    wanted = stats_range(request, parameters, "day")
    # By project, a key that is bound to several gets each of them, and their sums.
    project_id = parameters.project_id or (ALL if parameters.group_by == "project" else None)

    def read(connection: Connection) -> Row:
        return usage(connection, parameters.group_by, selection(request, connection, project_id, parameters.user), parameters.model, wanted)

    return read_response(request, read)
