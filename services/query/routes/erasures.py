"""Erasures: how far one is, and what it could not reach."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.answers.erasures import Erasure, ErasurePage
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import ErasureId, Paged
from services.query.queries.lists import erasures
from shared.auth.scopes import ADMIN, requires
from shared.http.errors import NotFound, existing

router = APIRouter(tags=["erasures"], responses=RESPONSES)


@router.get("/api/erasures", response_model=ErasurePage, responses=LIST_RESPONSES, summary="Erasures, the newest first")
@requires(ADMIN)
def list_erasures(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """Counts of what each removed, and the places that may still have it. No names: those of erased data are not stored."""
    return list_response(request, parameters, erasures.erasures, from_primary=True)


@router.get("/api/erasures/{erasure_id}", response_model=Erasure, summary="One erasure", dependencies=[Depends(refuse_parameters)])
@requires(ADMIN)
def show_erasure(request: Request, erasure_id: ErasureId) -> Response:
    """Its progress, how much went of each store, and what it could not reach."""
    missing = NotFound("There is no erasure of this id; start one with POST /api/erasures.", code="ERASURE_NOT_FOUND")
    return read_response(request, lambda connection: existing(erasures.erasure(connection, erasure_id), missing), from_primary=True)
