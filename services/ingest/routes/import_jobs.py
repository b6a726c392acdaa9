"""Routes that change import jobs, compare a manifest and start scrubs. The query service has those that show jobs and scrubs."""

from typing import Final

from fastapi import APIRouter, Request, Response

from services.ingest.admin import scrubs
from services.ingest.admin.scrubs import ScrubRequest
from services.ingest.http.responses import JobChanged, ManifestAnswer, ScrubStarted, TextsLetIn
from services.ingest.imports import change_job, upload_manifest
from services.ingest.imports.start_reparse import ReparseRequest
from services.ingest.imports.start_reparse import start as start_reparse_job
from services.ingest.imports.upload_manifest import Manifest
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, INGEST, requires

jobs = APIRouter(tags=["imports"])
_CHANGES_A_JOB: Final = route_documents.action(JobChanged, None, 404, 409, of="job_id", status=202, located="job")


@jobs.post(
    "/api/import/jobs/{job_id}/cancel",
    status_code=202,
    summary="Cancel an import job",
    **_CHANGES_A_JOB,
)
@requires(ADMIN)
async def cancel_job(request: Request) -> Response:
    """Stops the job at its next chunk; what it has stored stays."""
    return await change_job.cancel(request)


@jobs.post(
    "/api/import/jobs/{job_id}/retry",
    status_code=202,
    summary="Retry a failed import job",
    **_CHANGES_A_JOB,
)
@requires(ADMIN)
async def retry_job(request: Request) -> Response:
    """Continues a failed job where it stopped."""
    return await change_job.retry(request)


@jobs.delete(
    "/api/import/jobs/{job_id}",
    status_code=202,
    summary="Undo an import",
    **_CHANGES_A_JOB,
)
@requires(ADMIN)
async def undo_job(request: Request) -> Response:
    """Removes exactly the rows that the job stored, unless something else brought them too. The undo is a job of its own."""
    return await change_job.undo(request)


@jobs.post("/api/import/manifest", summary="Ask which files are new", **route_documents.action(ManifestAnswer, Manifest))
@requires(INGEST)
async def compare_manifest(request: Request) -> Response:
    """Says which of up to 50,000 files, by their SHA-256, no import has read to the end. The others need not be sent."""
    return await upload_manifest.compare(request)


@jobs.post(
    "/api/reparse",
    status_code=202,
    summary="Derive rows anew from the archive",
    **route_documents.started(ReparseRequest, JobChanged, "job", 404),
)
@requires(ADMIN)
async def start_reparse(request: Request) -> Response:
    """Reads archived transcripts again with today's parser: all, or those of one project or session. The job says how many rows changed."""
    return await start_reparse_job(request)


@jobs.post("/api/scrubs", status_code=202, summary="Start a scrub", **route_documents.started(ScrubRequest, ScrubStarted, "scrub"))
@requires(ADMIN)
async def start_scrub(request: Request) -> Response:
    """Replaces texts that are given wherever they are stored, or applies today's rules to what is stored. Or only counts what would change.

    What was given is not kept. From then on it is replaced in all that comes in, unless `keep_out` is false.
    """
    return await scrubs.start(request)


@jobs.delete(
    "/api/scrubs/{scrub_id}/kept-out",
    summary="Let the texts of a scrub in again",
    **route_documents.action(TextsLetIn, None, 404, 409, of="scrub_id"),
)
@requires(ADMIN)
async def let_texts_in(request: Request) -> Response:
    """The texts that the scrub was given are no longer replaced where data comes in. 409 if it keeps none out, or has not ended."""
    return await scrubs.let_in(request)
