"""Scrubs: how far one is."""

from fastapi import APIRouter, Depends, Request, Response

from services.query.answers.operations import Scrub
from services.query.http.parameters import RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import ScrubId
from services.query.queries.lists import scrubs
from shared.auth.scopes import ADMIN, requires
from shared.http.errors import NotFound, existing

router = APIRouter(tags=["operations"], responses=RESPONSES)


@router.get("/api/scrubs/{scrub_id}", response_model=Scrub, summary="One scrub", dependencies=[Depends(refuse_parameters)])
@requires(ADMIN)
def show_scrub(request: Request, scrub_id: ScrubId) -> Response:
    """Its progress, how many rows it changed, and how many secrets it found."""
    missing = NotFound("There is no scrub of this id; start one with POST /api/scrubs.", code="SCRUB_NOT_FOUND")
    return read_response(request, lambda connection: existing(scrubs.scrub(connection, scrub_id), missing), from_primary=True)
