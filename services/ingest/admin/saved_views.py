"""Saved views: an address of the dashboard under a name, from request to answer. All share them who see everything.

They go to Postgres at once, as marks do.
"""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.json_body import read_json
from services.ingest.events.redact_events import redact
from services.ingest.http import route_documents
from services.ingest.http.request_checks import uuid_in_path
from services.ingest.http.responses import ViewDeleted, ViewSaved
from services.ingest.postgres.admin import saved_views
from shared.auth.authentication import grant_of
from shared.auth.scopes import INGEST, READ, requires
from shared.dashboard_addresses import ADDRESS, MAX_ADDRESS, MAX_VIEW_NAME, is_dashboard_address
from shared.events.messages import NO_CONTROL_CHARACTERS
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response

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


router = APIRouter(tags=["views"])


# Both scopes, as for marks: a key of hooks must not write for people, and a key of a dashboard must not change anything. Views hold names and words of
# all projects.
@router.post("/api/views", status_code=201, summary="Save a view", **route_documents.action(ViewSaved, View, 409, status=201))
@requires(INGEST, also=READ, all_projects=True)
async def save_view(request: Request) -> Response:
    """An address of the dashboard under a name. All keys see it that are not bound; there are at most 500."""
    ingest, wanted = await _wanted(request)
    grant = grant_of(request.scope)
    found = await saved_views.add(ingest.database, wanted.name, wanted.address, grant.key_id if grant else None, most=MAX_VIEWS)
    if found is None:
        raise Conflict(f"There are {MAX_VIEWS} saved views, and no more may be: delete one first.", details={"name": "no room"})
    return json_response(found, 201)


@router.put("/api/views/{view_id}", summary="Change a saved view", **route_documents.action(ViewSaved, View, 404, 409, of="view_id"))
@requires(INGEST, also=READ, all_projects=True)
async def change_view(request: Request) -> Response:
    """Another name, another address, or both."""
    ingest, wanted = await _wanted(request)
    found = await saved_views.change(ingest.database, uuid_in_path(request, "view_id"), wanted.name, wanted.address)
    if found is None:
        raise _unknown()
    return json_response(found)


@router.delete("/api/views/{view_id}", summary="Delete a saved view", **route_documents.action(ViewDeleted, None, 404, of="view_id"))
@requires(INGEST, also=READ, all_projects=True)
async def delete_view(request: Request) -> Response:
    """For everybody. The data that it showed stays."""
    view_id = uuid_in_path(request, "view_id")
    name = await saved_views.delete(ingest_of(request).database, view_id)
    if name is None:
        raise _unknown()
    return json_response(ViewDeleted(id=view_id, name=name))


async def _wanted(request: Request) -> tuple[Ingest, View]:
    ingest = ingest_of(request)
    wanted = await read_json(request, _DECODER)
    check_identifier(wanted.name, "name")
    wanted.name = wanted.name.strip()
    if not wanted.name:
        raise invalid("name", "must not be blank")
    if not is_dashboard_address(wanted.address):
        raise invalid("address", "must be the path and query of a page of the dashboard, such as /usage?range=7d, without scheme and host")
    if ingest.settings.redact:
        redact([wanted])
    return ingest, wanted


def _unknown() -> NotFound:
    return NotFound("There is no saved view of this id; see /api/views.", code="VIEW_NOT_FOUND", details={"view_id": "not known"})
