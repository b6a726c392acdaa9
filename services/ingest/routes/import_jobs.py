"""What can be done with import jobs, and asked before one; scrubs of what is stored. To look at them is the query service's."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import scrubs
from services.ingest.admin.scrubs import ScrubRequest
from services.ingest.http.raw_route import RawRoute
from services.ingest.http.responses import JobChanged, ManifestAnswer, ScrubStarted
from services.ingest.imports import change_job, upload_manifest
from services.ingest.imports.upload_manifest import Manifest
from services.ingest.routes import openapi_schemas
from shared.auth.scopes import ADMIN, INGEST, requires

jobs = APIRouter(route_class=RawRoute, tags=["imports"])


@jobs.post("/api/import/jobs/{job_id}/cancel", status_code=202, **openapi_schemas.job_act(JobChanged))
@requires(ADMIN)
async def cancel_job(request: Request) -> Response:
    """Stops the job at its next chunk; what is in stays."""
    return await change_job.cancel(request)


@jobs.post("/api/import/jobs/{job_id}/retry", status_code=202, **openapi_schemas.job_act(JobChanged))
@requires(ADMIN)
async def retry_job(request: Request) -> Response:
    """Lets a failed job go on where it stopped."""
    return await change_job.retry(request)


@jobs.delete("/api/import/jobs/{job_id}", status_code=202, **openapi_schemas.job_act(JobChanged))
@requires(ADMIN)
async def undo_job(request: Request) -> Response:
    """Takes back exactly the rows that the job brought, unless something else brought them too, as a job of its own."""
    return await change_job.undo(request)


@jobs.post("/api/import/manifest", **openapi_schemas.manifest(Manifest, ManifestAnswer))
@requires(INGEST)
async def ask_what_is_unseen(request: Request) -> Response:
    """Tells which of up to 50,000 files no import has read to the end, by their SHA-256, so that the others need not be sent."""
    return await upload_manifest.ask(request)


@jobs.post("/api/scrubs", status_code=202, **openapi_schemas.scrub(ScrubRequest, ScrubStarted))
@requires(ADMIN)
async def start_scrub(request: Request) -> Response:
    """Applies today's rules of redaction to what was stored under older ones, or only counts what that would change."""
    return await scrubs.start(request)
