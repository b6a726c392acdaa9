"""Tokens and cost."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.database import Connection, Row
from services.query.http.parameters import FAILURES, scope, usage_range
from services.query.http.read_response import read_response
from services.query.queries.stats.usage_by import usage
from services.query.schemas import usage_responses
from services.query.schemas.query_parameters import UsageParameters
from shared.auth.scopes import NUMBERS, requires
from shared.database import ALL

router = APIRouter(tags=["usage"], responses=FAILURES)


@router.get("/api/usage", response_model=usage_responses.Usage, summary="What it cost, by day, model, project or user")
@requires(NUMBERS)
def show_usage(request: Request, asked: Annotated[UsageParameters, Query()]) -> Response:
    """Tokens, API calls and their cost at the price of their day. Of a session that only a `claude.json` tells of, what that says."""
    wanted = usage_range(request, asked)

    def read(connection: Connection) -> Row:
        # By project, a key that is bound to several gets each of them, and their sums.
        projects = ALL if asked.group_by == "project" else None
        return usage(connection, asked.group_by, scope(request, connection, asked.project_id or projects, asked.user), asked.model, wanted)

    return read_response(request, read)
