"""A session taken out: as Markdown, or as a digest for a pull request."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import chain
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from msgspec.structs import asdict
from pydantic import Field

from services.query.database import Connection, Database
from services.query.export.export_session import EXTENSIONS, export_session
from services.query.export.phrases import ExportedSession, Options
from services.query.http.parameters import FAILURES, settings_of
from services.query.http.read_response import as_of_header
from services.query.parameters.fields import Absent, Parameters, SessionId, Zone
from services.query.queries.lists import projects, sessions
from services.query.queries.stats import ranges
from services.query.routes.sessions import no_session
from shared.auth.authentication import grant_of
from shared.auth.scopes import READ, requires
from shared.http.errors import existing, invalid
from shared.http.path_segments import named_in_one_segment


class ExportParameters(Parameters):
    format: Literal["markdown", "digest"] = Field(
        "markdown",
        description="`digest`: a summary for a pull request, of at most 65,000 characters and without output of tools.",
    )
    tools: Annotated[
        Literal["none", "lines", "full"] | None,
        Absent(),
        Field(
            description="`lines`: a line for each tool call. `full`: with input, diff and output. `none`: no tool calls and file changes. "
            "Default: `lines`. For `markdown` alone."
        ),
    ] = None
    include_thinking: bool = Field(False, description="With Claude's thinking, where it was kept. Not in a digest.")
    tz: Zone = None


router = APIRouter(tags=["sessions"])

_MEDIA_TYPE: Final = "text/markdown"
_RESPONSES = FAILURES | {
    200: {
        "description": "A stream. It is complete if it ends in an orderly way; else the connection is cut.",
        "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/api/sessions/{session_id:path}/export",
    response_class=Response,
    responses=_RESPONSES,
    summary="A session as Markdown or a digest",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def export(request: Request, session_id: SessionId, parameters: Annotated[ExportParameters, Query()]) -> Response:
    """From its beginning to its end, with what subagents did below the calls that started them."""
    if parameters.tools is not None and parameters.format == "digest":
        raise invalid("tools", "is for markdown; leave it out")
    if parameters.include_thinking and parameters.format == "digest":
        raise invalid("include_thinking", "is never in a digest; leave it out")
    settings, grant = settings_of(request), grant_of(request.scope)
    zone = ranges.time_zone(parameters.tz or settings.timezone)
    options = Options(parameters.tools or "lines", zone)
    database: Database = request.app.state.database

    def connect() -> AbstractContextManager[Connection]:
        return database.connection(grant)

    with connect() as connection:
        headers = _headers(session_id, parameters) | as_of_header(database.data_as_of(connection))
        session = _session(request, connection, session_id)
    if request.scope.get("is_head"):
        return Response(headers=headers, media_type=_MEDIA_TYPE)
    idle_gap = timedelta(seconds=settings.idle_gap_seconds)
    pieces = export_session(connect, session, parameters.format, options, include_thinking=parameters.include_thinking, idle_gap=idle_gap)
    return StreamingResponse(_begun(pieces), headers=headers, media_type=_MEDIA_TYPE)


def _session(request: Request, connection: Connection, session_id: str) -> ExportedSession:
    found = existing(sessions.session(connection, session_id), no_session(request))
    project = projects.project(connection, found.project_id) if found.project_id else None
    models = sessions.models(connection, session_id)
    return ExportedSession(**asdict(found), models=models, project_path=project.path if project else None)


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces; the first is made before the answer begins, so that a failure has its status."""
    return chain([next(pieces)], pieces)


def _headers(session_id: str, parameters: ExportParameters) -> dict[str, str]:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", session_id)[:64]
    return {
        "Content-Disposition": f'attachment; filename="session-{name}.{EXTENSIONS[parameters.format]}"',
        "X-Accel-Buffering": "no",
    }
