"""Routes that save, change and delete views of the dashboard. The query service has the one that lists them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import saved_views as changes
from services.ingest.admin.saved_views import View
from services.ingest.http.responses import ViewDeleted, ViewSaved
from services.ingest.routes import route_documents
from shared.auth.scopes import INGEST, READ, requires

views = APIRouter(tags=["views"])


# Both scopes, as for marks: a key of hooks must not write for people, and a key of a dashboard must not change anything. Views hold names and words of
# all projects.
@views.post("/api/views", status_code=201, summary="Save a view", **route_documents.action(ViewSaved, View, 409, status=201))
@requires(INGEST, also=READ, all_projects=True)
async def save_view(request: Request) -> Response:
    """An address of the dashboard under a name. All keys see it that are not bound; there are at most 500."""
    return await changes.save(request)


@views.put("/api/views/{view_id}", summary="Change a saved view", **route_documents.action(ViewSaved, View, 404, 409, of="view_id"))
@requires(INGEST, also=READ, all_projects=True)
async def change_view(request: Request) -> Response:
    """Another name, another address, or both."""
    return await changes.change(request)


@views.delete("/api/views/{view_id}", summary="Delete a saved view", **route_documents.action(ViewDeleted, None, 404, of="view_id"))
@requires(INGEST, also=READ, all_projects=True)
async def delete_view(request: Request) -> Response:
    """For everybody. What it showed stays."""
    return await changes.delete(request)
