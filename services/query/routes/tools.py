"""Tool calls in numbers."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.database import Connection, Row
from services.query.http.parameters import FAILURES, scope, stats_range
from services.query.http.read_response import read_response
from services.query.queries.stats.tool_stats import tool_stats
from services.query.schemas import stats_responses
from services.query.schemas.query_parameters import ToolStatsParameters
from shared.auth.scopes import NUMBERS, requires

router = APIRouter(tags=["tool calls"], responses=FAILURES)


@router.get("/api/tool-calls/stats", response_model=stats_responses.ToolStats, summary="Which tools are used, fail, or are slow")
@requires(NUMBERS)
def show_tool_stats(request: Request, asked: Annotated[ToolStatsParameters, Query()]) -> Response:
    """By tool, the most used first. Errors are calls that failed or timed out. Percentiles are within 2 % of exact."""
    wanted = stats_range(request, asked)

    def read(connection: Connection) -> Row:
        return tool_stats(connection, scope(request, connection, asked.project_id, asked.user), asked.tool_name, wanted)

    return read_response(request, read)
