"""Starts an export of everything, of a user or of a project, and deletes one. A worker writes its archive; the query service shows it and gives it out."""

from typing import Annotated
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.json_body import read_json
from services.ingest.http import route_documents
from services.ingest.http.request_checks import uuid_in_path
from services.ingest.http.responses import ExportDeleted, ExportStarted
from services.ingest.imports.start_import import send_shares
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.audit import audit_record
from shared.auth.authentication import grant_of
from shared.auth.export_rights import may_export, sees_exports_of
from shared.auth.scopes import READ, requires
from shared.broker import Task
from shared.http.errors import Forbidden, NotFound, invalid
from shared.http.middleware import json_response
from shared.jobs import EXPORT


class ExportRequest(Struct, kw_only=True):
    """Selects a user's sessions or a project's; without both, all data."""

    user: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    project_id: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None


_DECODER = msgspec.json.Decoder(ExportRequest)


router = APIRouter(tags=["exports"])


@router.post(
    "/api/exports",
    status_code=202,
    summary="Export everything",
    **route_documents.action(ExportStarted, ExportRequest, 404, status=202, located="export"),
)
@requires(READ, all_projects=True, or_one_user=True)
async def start_export(request: Request) -> Response:
    """Rows and transcripts as one archive: all of them, a user's or a project's. Needs the scope admin, or a key that is bound to that user."""
    ingest = ingest_of(request)
    wanted = await read_json(request, _DECODER)
    grant = grant_of(request.scope)
    if wanted.user is not None and wanted.project_id is not None:
        raise invalid("project_id", "goes without user: name one of the two, or none")
    if not may_export(grant, wanted.user, wanted.project_id):
        raise Forbidden(
            "This key may not export that: a key with the scope admin may, and one that is bound to a user may export that user."
        )
    selection = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    record = audit_record(request, "export.start", new_id := uuid4(), **selection)
    added = await ingest.jobs.add_export(
        new_id, selection, bound_user=sees_exports_of(grant), key_id=grant.key_id if grant else None, record=record
    )
    if added is None:
        code, what = ("USER_NOT_FOUND", "user of this name; see /api/users") if wanted.user else ("PROJECT_NOT_FOUND", "project of this id")
        raise NotFound(f"There is no {what}.", code=code)
    export_id, is_new = added
    if is_new:
        await send_shares(ingest, EXPORT, export_id)
    return json_response(ExportStarted(export_id=export_id, status="queued"), 202, {"Location": f"/api/exports/{export_id}"})


@router.delete("/api/exports/{export_id}", summary="Delete an export", **route_documents.action(ExportDeleted, None, 404, of="export_id"))
@requires(READ, all_projects=True, or_one_user=True)
async def delete_export(request: Request) -> Response:
    """Its archive cannot be downloaded any more. The data that it holds stays stored here."""
    ingest = ingest_of(request)
    export_id = uuid_in_path(request, "export_id")
    record = audit_record(request, "export.delete", export_id)
    if not await ingest.jobs.delete_export(export_id, of_user=sees_exports_of(grant_of(request.scope)), record=record):
        raise NotFound("There is no export of this id; see /api/exports.", code="EXPORT_NOT_FOUND")
    await send_tasks(ingest, Task.SWEEP_UPLOADS, ())
    return json_response(ExportDeleted(export_id=export_id))
