"""Why Claude Code's totals differ from the tracker's."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.database import Connection
from services.query.http.parameters import RESPONSES, refuse_parameters, selection, stats_range
from services.query.http.read_response import read_response
from services.query.parameters.fields import SessionId
from services.query.parameters.stats import ReconcileParameters
from services.query.queries.outcomes import reconcile
from services.query.queries.outcomes.cost_differences import ReconcileReport, Reconciliation
from services.query.routes.sessions import check_session
from shared.auth.scopes import READ, requires
from shared.http.path_segments import named_in_one_segment

router = APIRouter(tags=["usage"], responses=RESPONSES)


@router.get(
    "/api/sessions/{session_id:path}/reconcile",
    response_model=Reconciliation,
    summary="Why Claude Code's total of a session differs",
    dependencies=[Depends(named_in_one_segment), Depends(refuse_parameters)],
)
@requires(READ)
def reconcile_session(request: Request, session_id: SessionId) -> Response:
    """Tokens and cost of the session by source, side by side, and the parts of the difference with their reasons."""

    def read(connection: Connection) -> Reconciliation:
        check_session(request, connection, session_id)
        return reconcile.reconciliation(connection, session_id)

    return read_response(request, read)


@router.get("/api/reconcile", response_model=ReconcileReport, summary="Why Claude Code's totals differ, over a range")
@requires(READ)
def reconcile_range(request: Request, parameters: Annotated[ReconcileParameters, Query()]) -> Response:
    """Both totals of the sessions that began in the range, at most 5,000; the sum that each reason explains; and the sessions that differ most."""
    wanted = stats_range(request, parameters, None)
    return read_response(
        request,
        lambda connection: reconcile.report(connection, selection(request, connection, parameters.project_id, parameters), wanted),
    )
