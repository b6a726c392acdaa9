"""The route of a session's outcome."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.answers.outcome import SessionOutcome
from services.query.database import Connection
from services.query.http.parameters import RESPONSES, settings_of
from services.query.http.read_response import read_response
from services.query.parameters.fields import Parameters, SessionId, Zone
from services.query.queries.outcomes.session_outcome import session_outcome
from services.query.queries.stats.ranges import time_zone
from services.query.routes.sessions import check_session
from shared.auth.scopes import READ, requires
from shared.http.path_segments import named_in_one_segment


class OutcomeParameters(Parameters):
    tz: Zone = None


router = APIRouter(tags=["sessions"], responses=RESPONSES)


@router.get(
    "/api/sessions/{session_id:path}/outcome",
    response_model=SessionOutcome,
    summary="What came of a session, and why it cost what it cost",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def show_outcome(request: Request, session_id: SessionId, parameters: Annotated[OutcomeParameters, Query()]) -> Response:
    """The first prompt and the last answer, commits, pull requests, tests, files, failures, the parts of the cost, and the session's days.

    All is read from what is stored; nothing is guessed by a model.
    """
    tz = time_zone(parameters.tz or settings_of(request).timezone)
    idle_gap = timedelta(seconds=settings_of(request).idle_gap_seconds)

    def read(connection: Connection) -> SessionOutcome:
        check_session(request, connection, session_id)
        return session_outcome(connection, session_id, tz, idle_gap)

    return read_response(request, read)
