"""Routes that save, change and delete views of the dashboard. The query service has the one that lists them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import saved_views as changes
from services.ingest.admin.saved_views import View
from services.ingest.http.responses import ViewDeleted, ViewSaved
from services.ingest.routes import openapi_schemas
from shared.auth.scopes import INGEST, READ, requires

views = APIRouter(tags=["views"])


# Both scopes, as for marks: a key of hooks must not write for people, and a key of a dashboard must not change anything.
@views.post("/api/views", status_code=201, summary="Save a view", **openapi_schemas.view_action(ViewSaved, View, 201))
@requires(INGEST, also=READ)
async def save_view(request: Request) -> Response:
    """An address of the dashboard under a name. All keys see it that are not bound; there are at most 500."""
    return await changes.save(request)


@views.put("/api/views/{view_id}", summary="Change a saved view", **openapi_schemas.view_action(ViewSaved, View))
@requires(INGEST, also=READ)
async def change_view(request: Request) -> Response:
    """Another name, another address, or both."""
    return await changes.change(request)


@views.delete("/api/views/{view_id}", summary="Delete a saved view", **openapi_schemas.view_action(ViewDeleted))
@requires(INGEST, also=READ)
async def delete_view(request: Request) -> Response:
    """For everybody. What it showed stays."""
    return await changes.delete(request)
