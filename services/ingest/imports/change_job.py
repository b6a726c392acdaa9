"""What a person does with an import job: cancel it, try it again, take back what it brought. Each is a change of the job's row, and a bell for the worker."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.http import request_checks
from services.ingest.http.responses import JobChanged
from services.ingest.imports.start_import import send_shares
from services.ingest.postgres.audit import act_of
from shared.http.errors import Conflict, NotFound
from shared.http.middleware import json_response


async def cancel(request: Request) -> Response:
    """202: the job stops at its next chunk and keeps what is in. 409 if it has ended."""
    ingest, job_id = _asked(request)
    job = await ingest.jobs.cancel(job_id, act_of(request, "import.cancel", job_id))
    if not job["done"]:
        raise _cannot(job, "it has ended; what it brought can be taken back with DELETE, or `tracker undo`")
    return _changed(job_id, job, "The job stops at its next chunk and keeps what is in.")


async def retry(request: Request) -> Response:
    """202: a failed job goes on where it stopped. 409 if it has not failed, or its files are gone."""
    ingest, job_id = _asked(request)
    job = await ingest.jobs.retry(job_id, act_of(request, "import.retry", job_id))
    if not job["done"]:
        raise _cannot(job, "only a failed job whose files are still there can go on; else send the files again")
    await asyncio.to_thread(send_shares, ingest.sender, job_id, job["shares"])
    return _changed(job_id, job, "The job goes on where it stopped.")


async def undo(request: Request) -> Response:
    """202 with the job that takes back exactly what this one brought; the same again if it has been asked for before."""
    ingest, job_id = _asked(request)
    job = await ingest.jobs.add_undo(job_id, act_of(request, "import.undo", job_id))
    if not job["done"]:
        raise _cannot(
            job, "cancel it first" if job["status"] in ("queued", "running") else "an undo cannot be undone; import the files again"
        )
    await asyncio.to_thread(send_shares, ingest.sender, job["undo_id"], 1)
    return _changed(job["undo_id"], job | {"status": job["undo_status"]}, "What the job brought is being taken back.", undoes=job_id)


def _asked(request: Request) -> tuple[Ingest, UUID]:
    request_checks.check_query(request)
    return ingest_of(request), request_checks.uuid_in_path(request, "job_id")


def _cannot(job: dict[str, Any], advice: str) -> Exception:
    if job["status"] is None:
        return NotFound("There is no import job of this id; see /api/import/jobs.", code="JOB_NOT_FOUND")
    return Conflict(f"The job is {job['status']}: {advice}.", details={"status": job["status"]})


def _changed(job_id: UUID, job: dict[str, Any], message: str, **more: Any) -> Response:
    answer = JobChanged(job_id=job_id, status=job["status"], message=message, **more)
    return json_response(answer, 202, {"Location": f"/api/import/jobs/{job_id}"})
