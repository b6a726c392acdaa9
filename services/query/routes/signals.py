"""The routes of Claude Code's telemetry of a session."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES
from services.query.parameters.fields import SessionId
from services.query.parameters.lists import SignalList
from services.query.queries.lists.paging import Paging
from services.query.queries.lists.signals import SignalPage, signals
from services.query.routes.sessions import check_session
from shared.auth.scopes import READ, requires
from shared.http.path_segments import named_in_one_segment

router = APIRouter(tags=["sessions"], responses=RESPONSES)


@router.get(
    "/api/sessions/{session_id:path}/signals",
    response_model=SignalPage,
    responses=LIST_RESPONSES,
    summary="What telemetry told of a session, oldest first",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def list_session_signals(request: Request, session_id: SessionId, parameters: Annotated[SignalList, Query()]) -> Response:
    """API requests and errors, decisions, results of tools, hooks, compactions, MCP connections and metrics, with a summary of all of them.

    Tool calls have their exact durations from here. A session that only telemetry knows is shown here alone.
    """

    def read(connection: Connection, wanted: Paging) -> SignalPage:
        found = signals(connection, session_id, parameters.name, wanted)
        if not found.summary.signals:
            check_session(request, connection, session_id)
        return found

    return list_response(request, parameters, read)
