"""A session taken out: as Markdown, as an HTML page, as JSON, or as a digest for a pull request."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import chain
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from msgspec.structs import asdict

from services.query.database import Connection, Database
from services.query.export.export_session import EXTENSIONS, MEDIA_TYPES, export_session
from services.query.export.exported_session import ExportedSession
from services.query.export.options import Options
from services.query.export.page import answer_policy
from services.query.http.parameters import FAILURES, settings_of
from services.query.http.read_response import as_of_header
from services.query.parameters.export import ExportParameters
from services.query.parameters.fields import SessionId
from services.query.queries.lists import projects, sessions
from services.query.queries.stats import ranges
from services.query.routes.sessions import no_session
from shared.auth.authentication import grant_of
from shared.auth.scopes import READ, requires
from shared.http.errors import invalid
from shared.http.path_segments import named_in_one_segment

router = APIRouter(tags=["sessions"])

_TEXT: Final = {"schema": {"type": "string"}}
# An ExportedSession, and the items of its timeline.
_DOCUMENT: Final = {
    "type": "object",
    "required": ["session", "items"],
    "properties": {"session": {"type": "object"}, "items": {"type": "array"}},
}
_JSON: Final = {"schema": _DOCUMENT, "example": {"session": {"session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"}, "items": []}}
_RESPONSES = FAILURES | {
    200: {
        "description": "A stream. It is complete if it ends in an orderly way; else the connection is cut.",
        "content": {"text/markdown": _TEXT, "text/html": _TEXT, "application/json": _JSON},
    }
}
# A page in a browser. With `same-origin`, browsers refuse a page that is sandboxed.
_OF_A_PAGE: Final = {"Cross-Origin-Opener-Policy": "unsafe-none"}


@router.get(
    "/api/sessions/{session_id:path}/export",
    response_class=Response,
    responses=_RESPONSES,
    summary="A session as Markdown, HTML, JSON or a digest",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def export(request: Request, session_id: SessionId, parameters: Annotated[ExportParameters, Query()]) -> Response:
    """From its beginning to its end, with what subagents did below the calls that started them."""
    if parameters.tools is not None and parameters.format in ("json", "digest"):
        raise invalid("tools", "is for markdown and html; leave it out")
    if parameters.include_thinking and parameters.format == "digest":
        raise invalid("include_thinking", "is never in a digest; leave it out")
    settings, grant = settings_of(request), grant_of(request.scope)
    zone = ranges.time_zone(parameters.tz or settings.timezone)
    options = Options(parameters.tools or ("full" if parameters.format == "html" else "lines"), zone)
    database: Database = request.app.state.database

    def connect() -> AbstractContextManager[Connection]:
        return database.connection(grant)

    with connect() as connection:
        headers = _headers(session_id, parameters) | as_of_header(database.data_as_of(connection))
        session = _session(request, connection, session_id)
    media_type = MEDIA_TYPES[parameters.format]
    if request.scope.get("is_head"):
        return Response(headers=headers, media_type=media_type)
    idle_gap = timedelta(seconds=settings.idle_gap_seconds)
    pieces = export_session(connect, session, parameters.format, options, include_thinking=parameters.include_thinking, idle_gap=idle_gap)
    return StreamingResponse(_begun(pieces), headers=headers, media_type=media_type)


def _session(request: Request, connection: Connection, session_id: str) -> ExportedSession:
    found = sessions.session(connection, session_id)
    if found is None:
        raise no_session(request)
    project = projects.project(connection, found.project_id) if found.project_id else None
    models = sessions.models(connection, session_id)
    return ExportedSession(**asdict(found), models=models, project_path=project.path if project else None)


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces; the first is made before the answer begins, so that a failure has its status."""
    return chain([next(pieces)], pieces)


def _headers(session_id: str, parameters: ExportParameters) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", session_id)[:64]
    place = "inline" if parameters.format == "html" else "attachment"
    headers = {"Content-Disposition": f'{place}; filename="session-{name}.{EXTENSIONS[parameters.format]}"', "X-Accel-Buffering": "no"}
    return headers | ({"Content-Security-Policy": answer_policy()} | _OF_A_PAGE if parameters.format == "html" else {})
