"""Events that could not be stored: the reasons, their number, and each with its payload. The ingest service replays and deletes them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec.structs import asdict

from services.query.answers.operations import DeadLetterPage, ShownDeadLetter
from services.query.database import Connection
from services.query.http import dead_letter_payload
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import DeadLetterId
from services.query.parameters.lists import DeadLetterParameters
from services.query.queries.lists import dead_letters
from services.query.queries.lists.dead_letters import DeadLetterFilters
from shared.auth.scopes import ADMIN, requires
from shared.http.errors import NotFound, existing

router = APIRouter(tags=["dead letters"], responses=RESPONSES)


@router.get("/api/dead-letters", response_model=DeadLetterPage, responses=LIST_RESPONSES, summary="Dead letters, in groups and one by one")
@requires(ADMIN)
def list_dead_letters(request: Request, parameters: Annotated[DeadLetterParameters, Query()]) -> Response:
    """Events that could not be stored, newest first. With `status=stored`: those that were stored later."""
    filters = DeadLetterFilters(parameters.kind, parameters.reason, parameters.status == "stored")
    return list_response(
        request, parameters, lambda connection, wanted: dead_letters.dead_letters(connection, filters, wanted), from_primary=True
    )


@router.get(
    "/api/dead-letters/{letter_id}",
    response_model=ShownDeadLetter,
    summary="One dead letter with its payload",
    dependencies=[Depends(refuse_parameters)],
)
@requires(ADMIN)
def show_dead_letter(request: Request, letter_id: DeadLetterId) -> Response:
    """Secrets in the shown payload are always replaced. A replay uses the payload as it is."""
    return read_response(request, lambda connection: _existing_letter(connection, letter_id), from_primary=True)


def _existing_letter(connection: Connection, letter_id: UUID) -> ShownDeadLetter:
    missing = NotFound("There is no dead letter with this id; see /api/dead-letters.", code="DEAD_LETTER_NOT_FOUND")
    letter, payload = existing(dead_letters.dead_letter(connection, letter_id), missing)
    shown = dead_letter_payload.shown(payload)
    return ShownDeadLetter(**asdict(letter), payload=shown.payload, payload_is_cut=shown.payload_is_cut)
