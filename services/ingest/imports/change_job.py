"""Cancels, retries and undoes an import job. Each changes the job's row; a retry and an undo send tasks to the workers."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.http import request_checks, route_documents
from services.ingest.http.responses import JobChanged
from services.ingest.imports.start_import import send_shares
from services.ingest.postgres.audit import audit_record
from shared.auth.scopes import ADMIN, requires
from shared.http.errors import Conflict, NotFound
from shared.http.middleware import json_response
from shared.jobs import IMPORT, UNDO

router = APIRouter(tags=["imports"])
_CHANGES_A_JOB: Final = route_documents.action(JobChanged, None, 404, 409, of="job_id", status=202, located="job")


@router.post(
    "/api/import/jobs/{job_id}/cancel",
    status_code=202,
    summary="Cancel an import job",
    **_CHANGES_A_JOB,
)
@requires(ADMIN)
async def cancel_job(request: Request) -> Response:
    """Stops the job at its next chunk; what it has stored stays."""
    ingest, job_id = _read_path(request)
    job = await ingest.jobs.cancel(job_id, audit_record(request, "import.cancel", job_id))
    if not job["done"]:
        raise _refused(job, "The job has already ended; undo it with DELETE, or `tracker undo`.")
    return _accepted(job_id, job, "The job stops at its next chunk; what it has stored stays.")


@router.post(
    "/api/import/jobs/{job_id}/retry",
    status_code=202,
    summary="Retry a failed import job",
    **_CHANGES_A_JOB,
)
@requires(ADMIN)
async def retry_job(request: Request) -> Response:
    """Continues a failed job where it stopped."""
    ingest, job_id = _read_path(request)
    job = await ingest.jobs.retry(job_id, audit_record(request, "import.retry", job_id))
    if not job["done"]:
        raise _refused(job, "Only a failed job whose files are still stored can be retried; send the files again.")
    await send_shares(ingest, IMPORT, job_id, job["shares"])
    return _accepted(job_id, job, "The job continues where it stopped.")


@router.delete(
    "/api/import/jobs/{job_id}",
    status_code=202,
    summary="Undo an import",
    **_CHANGES_A_JOB,
)
@requires(ADMIN)
async def undo_job(request: Request) -> Response:
    """Removes exactly the rows that the job stored, unless something else brought them too. The undo is a job of its own."""
    ingest, job_id = _read_path(request)
    job = await ingest.jobs.add_undo(job_id, audit_record(request, "import.undo", job_id))
    if not job["done"]:
        raise _refused(
            job,
            "The job is still running; cancel it before you undo it."
            if job["status"] in ("queued", "running")
            else "An undo cannot be undone; import the files again.",
        )
    await send_shares(ingest, UNDO, job["undo_id"])
    return _accepted(job["undo_id"], job | {"status": job["undo_status"]}, "The rows that the job stored are being removed.", undoes=job_id)


def _read_path(request: Request) -> tuple[Ingest, UUID]:
    return ingest_of(request), request_checks.uuid_in_path(request, "job_id")


def _refused(job: dict[str, Any], reason: str) -> Exception:
    if job["status"] is None:
        return NotFound("There is no import job with this id; see /api/import/jobs.", code="JOB_NOT_FOUND")
    return Conflict(reason, details={"status": job["status"]})


def _accepted(job_id: UUID, job: dict[str, Any], message: str, **more: Any) -> Response:
    answer = JobChanged(job_id=job_id, status=job["status"], message=message, **more)
    return json_response(answer, 202, {"Location": f"/api/import/jobs/{job_id}"})
