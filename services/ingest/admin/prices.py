"""Prices of one's own, and runs that price stored calls anew. Each act is in the audit log."""

from datetime import datetime
from typing import Annotated, Final
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.json_body import read_json
from services.ingest.events.write_event import admit_order
from services.ingest.http import route_documents
from services.ingest.http.request_checks import uuid_in_path
from services.ingest.http.responses import PriceSet, PriceUnset, RepriceStarted
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import jobs, prices
from services.ingest.postgres.audit import audit_record
from shared.auth.authentication import grant_of
from shared.auth.scopes import ADMIN, requires
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response
from shared.jobs import REPRICE
from shared.prices import OwnPrice, Pattern


class RepriceRequest(Struct, kw_only=True):
    """Which stored calls are priced anew: from a time, before a time, of the models that a pattern matches; without these all. `dry_run` only counts."""

    from_at: Annotated[datetime, Meta(tz=True)] | None = None
    to_at: Annotated[datetime, Meta(tz=True)] | None = None
    model: Pattern | None = None
    dry_run: bool = False


_PRICE: Final = msgspec.json.Decoder(OwnPrice)
_REPRICE: Final = msgspec.json.Decoder(RepriceRequest)


router = APIRouter(tags=["prices"])


@router.put("/api/prices", summary="Set a price of one's own", **route_documents.action(PriceSet, OwnPrice))
@requires(ADMIN)
async def set_price(request: Request) -> Response:
    """It comes before the price list, from the next call on. One for the same models, tier, day and size of input is replaced.

    Stored calls keep their cost until they are priced anew.
    """
    price = await read_json(request, _PRICE)
    grant = grant_of(request.scope)
    record = audit_record(request, "prices.set", price.model, **msgspec.to_builtins(price))
    price_id = await prices.set_price(ingest_of(request).database, price, grant.key_id if grant else None, record)
    plain, output, write_5m, write_1h, read, search = map(float, price.usd)
    return json_response(
        PriceSet(
            id=price_id,
            model=price.model,
            tier=price.tier,
            valid_from=price.valid_from,
            above_input_tokens=price.above_input_tokens,
            input=plain,
            output=output,
            cache_write_5m=write_5m,
            cache_write_1h=write_1h,
            cache_read=read,
            web_search=search,
        )
    )


@router.delete("/api/prices/{price_id}", summary="Take a price back", **route_documents.action(PriceUnset, None, 404, of="price_id"))
@requires(ADMIN)
async def unset_price(request: Request) -> Response:
    """Then the next wider one counts, or the price list."""
    price_id = uuid_in_path(request, "price_id")
    model = await prices.unset_price(ingest_of(request).database, price_id, audit_record(request, "prices.unset", price_id))
    if model is None:
        raise NotFound("There is no price of this id that PUT has set; see /api/prices.", code="PRICE_NOT_FOUND")
    return json_response(PriceUnset(id=price_id, model=model))


@router.post(
    "/api/reprice", status_code=202, summary="Price stored calls anew", **route_documents.started(RepriceRequest, RepriceStarted, "run")
)
@requires(ADMIN)
async def start_reprice(request: Request) -> Response:
    """By the prices of today, with every sum that they are in. With `dry_run` it says what would change, by model, and changes nothing."""
    write, wanted = await admit_order(request, _REPRICE)
    if wanted.from_at is not None and wanted.to_at is not None and not wanted.from_at < wanted.to_at:
        raise invalid("to_at", "must be later than from_at")
    reprice_id = write.derived_id() or uuid4()
    record = audit_record(request, "prices.reprice", reprice_id, **msgspec.to_builtins(wanted))
    options = {} if wanted.model is None else {"model": wanted.model}
    run = jobs.Wanted(is_dry_run=wanted.dry_run, from_at=wanted.from_at, to_at=wanted.to_at, options=options)
    added = await jobs.add(write.ingest.database, REPRICE, reprice_id, run, record)
    if added == "busy":
        raise Conflict("A run that prices anew is under way; wait until it has ended, see /api/reprices.", details={"run": "another one"})
    if added == "added":
        await send_tasks(write.ingest, REPRICE.task, (str(reprice_id),))
    return write.started(RepriceStarted(reprice_id=reprice_id, dry_run=wanted.dry_run), f"/api/reprices/{reprice_id}")
