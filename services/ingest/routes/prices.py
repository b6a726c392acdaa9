"""Routes that set prices of one's own and price anew. The query service has those that show both."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import prices as changes
from services.ingest.admin.prices import RepriceRequest
from services.ingest.http.responses import PriceSet, PriceUnset, RepriceStarted
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, requires
from shared.prices import OwnPrice

prices = APIRouter(tags=["prices"])


@prices.put("/api/prices", summary="Set a price of one's own", **route_documents.action(PriceSet, OwnPrice))
@requires(ADMIN)
async def set_price(request: Request) -> Response:
    """It comes before the price list, from the next call on. One for the same models, tier, day and size of input is replaced.

    Stored calls keep their cost until they are priced anew.
    """
    return await changes.set_price(request)


@prices.delete("/api/prices/{price_id}", summary="Take a price back", **route_documents.action(PriceUnset, None, 404, of="price_id"))
@requires(ADMIN)
async def unset_price(request: Request) -> Response:
    """Then the next wider one counts, or the price list."""
    return await changes.unset_price(request)


@prices.post(
    "/api/reprice", status_code=202, summary="Price stored calls anew", **route_documents.started(RepriceRequest, RepriceStarted, "run")
)
@requires(ADMIN)
async def start_reprice(request: Request) -> Response:
    """By the prices of today, with every sum that they are in. With `dry_run` it says what would change, by model, and changes nothing."""
    return await changes.start_reprice(request)
