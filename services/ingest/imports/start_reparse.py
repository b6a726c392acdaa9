"""Starts a reparse: the worker derives the rows of archived transcripts anew, as a job like an import."""

from typing import Annotated
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.events.write_event import admit_order
from services.ingest.http import route_documents
from services.ingest.http.responses import JobChanged
from services.ingest.imports.start_import import send_shares
from services.ingest.postgres.audit import audit_record
from shared.auth.scopes import ADMIN, requires
from shared.events.messages import SessionId
from shared.http.errors import NotFound, invalid
from shared.jobs import REPARSE


class ReparseRequest(Struct, kw_only=True):
    """Which transcripts: those of a session, those of a project, or all.

    `dry_run`: count what would be added, changed and removed, and change nothing. `max_removed`: fail before more rows than this are removed.
    """

    session_id: SessionId | None = None
    project_id: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    dry_run: bool = False
    max_removed: Annotated[int, Meta(ge=0, le=2**53)] | None = None


_DECODER = msgspec.json.Decoder(ReparseRequest)


router = APIRouter(tags=["imports"])


@router.post(
    "/api/reparse",
    status_code=202,
    summary="Derive rows anew from the archive",
    **route_documents.started(ReparseRequest, JobChanged, "job", 404),
)
@requires(ADMIN)
async def start_reparse(request: Request) -> Response:
    """Reads archived transcripts again with today's parser: all, or those of one project or session. The job says how many rows changed."""
    write, wanted = await admit_order(request, _DECODER)
    if wanted.session_id is not None and wanted.project_id is not None:
        raise invalid("project_id", "goes without session_id: name one of the two, or none")
    job_id = write.derived_id() or uuid4()
    selection = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None and value is not False}
    record = audit_record(request, "reparse.start", job_id, **selection)
    jobs = write.ingest.jobs
    is_new = await jobs.add_reparse(job_id, selection, record=record)
    if is_new is None:
        message = "The archive has no transcript of it; import the transcripts again, then they are read by today's parser."
        raise NotFound(
            message, code="SESSION_NOT_FOUND" if wanted.session_id else "PROJECT_NOT_FOUND" if wanted.project_id else "NOT_FOUND"
        )
    if is_new:
        await send_shares(write.ingest, REPARSE, job_id)
    message = "The rows of the archived transcripts are being derived anew."
    if wanted.dry_run:
        message = "What a reparse of the archived transcripts would change is being counted."
    answer = JobChanged(job_id=job_id, status="queued", message=message)
    return write.started(answer, f"/api/import/jobs/{job_id}")
