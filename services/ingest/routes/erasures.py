"""Routes that erase, and that lift tombstones. The query service has those that show erasures."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import erasures as requests
from services.ingest.admin.erasures import ErasureRequest, LiftRequest
from services.ingest.http.responses import ErasureStarted, TombstonesLifted
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, requires

erasures = APIRouter(tags=["erasures"])


@erasures.post(
    "/api/erasures",
    status_code=202,
    summary="Erase a session, a user or a project",
    **route_documents.started(ErasureRequest, ErasureStarted, "erasure", 404),
)
@requires(ADMIN)
async def start_erasure(request: Request) -> Response:
    """Deletes it from every store, and keeps out what still comes of it. There is no undo. `dry_run` only counts."""
    return await requests.start(request)


# Not a DELETE: an address is in the logs of gateways, and the name must not be.
@erasures.post("/api/tombstones/lift", summary="Let in again what was erased", **route_documents.action(TombstonesLifted, LiftRequest, 404))
@requires(ADMIN)
async def lift_tombstone(request: Request) -> Response:
    """Lifts the tombstone of a session, a user, a project's path or a range. What was erased stays erased; what is sent again is stored."""
    return await requests.lift(request)
