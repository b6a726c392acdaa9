"""Cancels, retries and undoes an import job. Each changes the job's row; a retry and an undo send tasks to the workers."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.http import request_checks
from services.ingest.http.responses import JobChanged
from services.ingest.imports.start_import import send_shares
from services.ingest.postgres.audit import audit_record
from shared.http.errors import Conflict, NotFound
from shared.http.middleware import json_response


async def cancel(request: Request) -> Response:
    """202: the job stops at its next chunk; what it has stored stays. 409 if it has ended."""
    ingest, job_id = _read_path(request)
    job = await ingest.jobs.cancel(job_id, audit_record(request, "import.cancel", job_id))
    if not job["done"]:
        raise _refused(job, "The job has already ended; undo it with DELETE, or `tracker undo`.")
    return _accepted(job_id, job, "The job stops at its next chunk; what it has stored stays.")


async def retry(request: Request) -> Response:
    """202: a failed job continues where it stopped. 409 if it has not failed, or its files are gone."""
    ingest, job_id = _read_path(request)
    job = await ingest.jobs.retry(job_id, audit_record(request, "import.retry", job_id))
    if not job["done"]:
        raise _refused(job, "Only a failed job whose files are still stored can be retried; send the files again.")
    await asyncio.to_thread(send_shares, ingest.sender, job_id, job["shares"])
    return _accepted(job_id, job, "The job continues where it stopped.")


async def undo(request: Request) -> Response:
    """202 with the job that removes exactly the rows that this one stored; the same job if it is undone already."""
    ingest, job_id = _read_path(request)
    job = await ingest.jobs.add_undo(job_id, audit_record(request, "import.undo", job_id))
    if not job["done"]:
        raise _refused(
            job,
            "The job is still running; cancel it before you undo it."
            if job["status"] in ("queued", "running")
            else "An undo cannot be undone; import the files again.",
        )
    await asyncio.to_thread(send_shares, ingest.sender, job["undo_id"], 1)
    return _accepted(job["undo_id"], job | {"status": job["undo_status"]}, "The rows that the job stored are being removed.", undoes=job_id)


def _read_path(request: Request) -> tuple[Ingest, UUID]:
    request_checks.check_query(request)
    return ingest_of(request), request_checks.uuid_in_path(request, "job_id")


def _refused(job: dict[str, Any], reason: str) -> Exception:
    if job["status"] is None:
        return NotFound("There is no import job with this id; see /api/import/jobs.", code="JOB_NOT_FOUND")
    return Conflict(reason, details={"status": job["status"]})


def _accepted(job_id: UUID, job: dict[str, Any], message: str, **more: Any) -> Response:
    answer = JobChanged(job_id=job_id, status=job["status"], message=message, **more)
    return json_response(answer, 202, {"Location": f"/api/import/jobs/{job_id}"})
