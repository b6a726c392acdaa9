"""Prices in use, and runs that priced stored calls anew."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import Paged, RepriceId
from services.query.queries.lists import prices
from services.query.queries.lists.prices import Prices, Reprice, RepricePage
from shared.auth.scopes import ADMIN, METRICS, requires
from shared.http.errors import NotFound, existing

router = APIRouter(tags=["prices"], responses=RESPONSES)


@router.get("/api/prices", response_model=Prices, summary="Prices in use", dependencies=[Depends(refuse_parameters)])
@requires(METRICS)
def list_prices(request: Request) -> Response:
    """Prices of the next call: prices of one's own, then the price list, each with where it comes from and since when."""
    return read_response(request, prices.prices, from_primary=True)


@router.get(
    "/api/reprices", response_model=RepricePage, responses=LIST_RESPONSES, summary="Runs that priced stored calls anew, the newest first"
)
@requires(ADMIN)
def list_reprices(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """Each with the changes that it made, or would make, by model."""
    return list_response(request, parameters, prices.reprices, from_primary=True)


@router.get(
    "/api/reprices/{reprice_id}", response_model=Reprice, summary="One run that priced anew", dependencies=[Depends(refuse_parameters)]
)
@requires(ADMIN)
def show_reprice(request: Request, reprice_id: RepriceId) -> Response:
    """How far it is, and what it has changed, or would change, by model."""
    missing = NotFound("There is no run of this id; start one with POST /api/reprice.", code="REPRICE_NOT_FOUND")
    return read_response(request, lambda connection: existing(prices.reprice(connection, reprice_id), missing), from_primary=True)
