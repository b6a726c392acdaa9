"""Sets whether the sessions of a project are shared, from request to answer. It adds to the audit log."""

import re
from functools import partial
from typing import Final

import msgspec
from fastapi import Request, Response
from msgspec import Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.json_body import read_json
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import ProjectVisibility, Visibility
from services.ingest.postgres.audit import audit_record, run_audited
from shared.http.errors import NotFound
from shared.http.middleware import json_response
from shared.sql_files import statement

_BODY: Final = AcceptedBody((b"application/json",), 64 * 1024)
_ID: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_SET: Final = partial(statement, "services.ingest.postgres.admin", "project_visibility.sql")("set")


class VisibilityChange(Struct, kw_only=True):
    """`shared`: keys that are bound to other users read the project's sessions too. null: as TRACKER_SESSIONS says."""

    visibility: Visibility


_DECODER: Final = msgspec.json.Decoder(VisibilityChange)


async def set_visibility(request: Request) -> Response:
    """200 with what holds from the next request on. 404 if there is no such project."""
    wanted = await read_json(request, _BODY, _DECODER)
    given: str = request.path_params["project_id"]
    record = audit_record(request, "project.visibility", given, visibility=wanted.visibility)
    asked = {"id": int(given), "visibility": wanted.visibility} if _ID.fullmatch(given) else None
    found = await run_audited(ingest_of(request).database, _SET, asked, record) if asked else None
    if found is None:
        raise NotFound("There is no project with this id; see /api/projects.", code="PROJECT_NOT_FOUND")
    return json_response(ProjectVisibility(project_id=found["id"], visibility=wanted.visibility))
