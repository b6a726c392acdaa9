"""Routes that start and delete exports of everything. The query service shows them and gives out their archives."""

from fastapi import APIRouter, Request, Response

from services.ingest.http.responses import ExportDeleted, ExportStarted
from services.ingest.imports import start_export as changes
from services.ingest.imports.start_export import ExportRequest
from services.ingest.routes import route_documents
from shared.auth.scopes import READ, requires

exports = APIRouter(tags=["exports"])


@exports.post(
    "/api/exports",
    status_code=202,
    summary="Export everything",
    **route_documents.action(ExportStarted, ExportRequest, 404, status=202, located="export"),
)
@requires(READ, all_projects=True, or_one_user=True)
async def start_export(request: Request) -> Response:
    """Rows and transcripts as one archive: all of them, a user's or a project's. Needs the scope admin, or a key that is bound to that user."""
    return await changes.start(request)


@exports.delete("/api/exports/{export_id}", summary="Delete an export", **route_documents.action(ExportDeleted, None, 404, of="export_id"))
@requires(READ, all_projects=True, or_one_user=True)
async def delete_export(request: Request) -> Response:
    """Nobody gets its archive any more. What was exported stays where it is."""
    return await changes.delete(request)
