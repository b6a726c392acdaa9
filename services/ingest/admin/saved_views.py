"""Saved views: an address of the dashboard under a name, from request to answer. All share them who see everything.

They go to Postgres at once, as marks do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

import msgspec
from fastapi import Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.json_body import read_json
from services.ingest.events.redact_events import redact
from services.ingest.http.request_checks import AcceptedBody, check_query
from services.ingest.http.responses import ViewDeleted, ViewSaved
from services.ingest.postgres.admin import saved_views
from shared.auth.authentication import grant_of
from shared.dashboard_addresses import ADDRESS, MAX_ADDRESS, MAX_VIEW_NAME, is_dashboard_address
from shared.events.messages import NO_CONTROL_CHARACTERS
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response

_BODY: Final = AcceptedBody((b"application/json",), 64 * 1024)
MAX_VIEWS: Final = 500


class View(Struct, kw_only=True):
    """A name, and the address of a page with its range and filters. Two names that differ in case alone are one."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_VIEW_NAME, extra_json_schema=NO_CONTROL_CHARACTERS)]
    address: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_ADDRESS,
            description="Path and query of a page of the dashboard. `range=7d` stays the last seven days.",
            extra_json_schema={"pattern": f"^{ADDRESS}$"},
        ),
    ]


_DECODER: Final = msgspec.json.Decoder(View)


async def save(request: Request) -> Response:
    """201 with the view. 409 if the name is taken, or if there are as many views as may be."""
    ingest, wanted = await _wanted(request)
    grant = grant_of(request.scope)
    with _free_name():
        found = await saved_views.add(ingest.database, wanted.name, wanted.address, grant.key_id if grant else None, most=MAX_VIEWS)
    if found is None:
        raise Conflict(f"There are {MAX_VIEWS} saved views, and no more may be: delete one first.", details={"name": "no room"})
    return json_response(_saved(found), 201)


async def change(request: Request) -> Response:
    """200 with the view as it is now. 404 for one that is not known, 409 if another view has the name."""
    ingest, wanted = await _wanted(request)
    with _free_name():
        found = await saved_views.change(ingest.database, _view_id(request), wanted.name, wanted.address)
    if found is None:
        raise _unknown()
    return json_response(_saved(found))


async def delete(request: Request) -> Response:
    """200 with the name of the view that is gone. 404 for one that is not known."""
    check_query(request)
    view_id = _view_id(request)
    name = await saved_views.delete(ingest_of(request).database, view_id)
    if name is None:
        raise _unknown()
    return json_response(ViewDeleted(id=view_id, name=name))


async def _wanted(request: Request) -> tuple[Ingest, View]:
    ingest = ingest_of(request)
    wanted = await read_json(request, _BODY, _DECODER)
    check_identifier(wanted.name, "name")
    wanted.name = wanted.name.strip()
    if not wanted.name:
        raise invalid("name", "must not be blank")
    if not is_dashboard_address(wanted.address):
        raise invalid("address", "must be the path and query of a page of the dashboard, such as /usage?range=7d, without scheme and host")
    if ingest.settings.redact:
        redact([wanted])
    return ingest, wanted


@contextmanager
def _free_name() -> Iterator[None]:
    try:
        yield
    except saved_views.NameTaken:
        raise Conflict("Another saved view has this name; choose another one, or change that view.", details={"name": "taken"}) from None


def _view_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["view_id"])
    except ValueError:
        raise invalid("view_id", "must be a UUID") from None


def _saved(view: saved_views.StoredView) -> ViewSaved:
    return ViewSaved(id=view.id, name=view.name, address=view.address, created_at=view.created_at)


def _unknown() -> NotFound:
    return NotFound("There is no saved view of this id; see /api/views.", code="VIEW_NOT_FOUND", details={"view_id": "not known"})
