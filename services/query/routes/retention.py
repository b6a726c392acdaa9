"""Retention: what is kept for how long, and what runs have dropped."""

from fastapi import APIRouter, Depends, Request, Response

from services.query.answers.operations import Retention, RetentionRun
from services.query.http.parameters import RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import RetentionRunId
from services.query.queries.lists import retention
from shared.auth.scopes import ADMIN, requires
from shared.http.errors import NotFound, existing

router = APIRouter(tags=["retention"], responses=RESPONSES)


@router.get("/api/retention", response_model=Retention, summary="What is kept for how long", dependencies=[Depends(refuse_parameters)])
@requires(ADMIN)
def show_retention(request: Request) -> Response:
    """The rules, the server's settings, and what the newest runs have dropped."""
    settings = request.app.state.settings
    return read_response(request, lambda connection: retention.retention(connection, settings), from_primary=True)


@router.get(
    "/api/retention/runs/{run_id}", response_model=RetentionRun, summary="One run of retention", dependencies=[Depends(refuse_parameters)]
)
@requires(ADMIN)
def show_retention_run(request: Request, run_id: RetentionRunId) -> Response:
    """How far it is, and what it has dropped, or would drop, by kind and project."""
    missing = NotFound("There is no run of this id; start one with POST /api/retention/runs.", code="RETENTION_RUN_NOT_FOUND")
    return read_response(request, lambda connection: existing(retention.run(connection, run_id), missing), from_primary=True)
