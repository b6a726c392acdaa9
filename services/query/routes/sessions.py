"""Sessions and what happened in them, row by row."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from services.query.database import Connection, Row
from services.query.http.parameters import RESPONSES, dates, event_filters, only_project, paging, refuse_parameters
from services.query.http.read_response import read_response
from services.query.queries.lists import events, sessions
from services.query.queries.lists.paging import Page, Paging
from services.query.schemas.fields import Paged, SessionId
from services.query.schemas.lists import (
    ActivityList,
    ActivityPage,
    ConversationList,
    MessagePage,
    Session,
    SessionList,
    SessionPage,
    ToolCallPage,
)
from shared.auth.scopes import READ, requires
from shared.http.api_document import methods_by_path
from shared.http.errors import NotFound

router = APIRouter(responses=RESPONSES)


@router.get("/api/sessions", response_model=SessionPage, tags=["sessions"], summary="Sessions, newest first")
@requires(READ)
def list_sessions(request: Request, parameters: Annotated[SessionList, Query()]) -> Response:
    """Sorted by start. Sessions without a start come last, and are left out if dates are given."""
    start, end = dates(request, parameters)
    filters = sessions.SessionFilters(parameters.project_id or only_project(request), parameters.user, start, end, parameters.status)
    wanted = paging(request, parameters)
    return read_response(request, lambda connection: sessions.sessions(connection, filters, wanted))


async def named_in_one_segment(request: Request) -> None:
    """404 if the id has an unescaped slash. A slash in an id is written %2F; any other slash belongs to another path."""
    path: bytes = request.scope["raw_path"].partition(b"?")[0]
    template: str = request.scope["route"].path
    if path.endswith(b"/") or path.count(b"/") != template.count("/"):
        raise HTTPException(404)


@router.get(
    "/api/sessions/{session_id:path}",
    response_model=Session,
    tags=["sessions"],
    summary="One session",
    dependencies=[Depends(named_in_one_segment), Depends(refuse_parameters)],
)
@requires(READ)
def show_session(request: Request, session_id: SessionId) -> Response:
    """One session with its totals. A session is found as soon as its start is accepted."""
    return read_response(request, lambda connection: _session(request, connection, session_id))


@router.get("/api/conversations", response_model=MessagePage, tags=["conversations"], summary="Messages, newest first")
@requires(READ)
def list_conversations(request: Request, parameters: Annotated[ConversationList, Query()]) -> Response:
    """What people and Claude said. Messages without a date come last, and not at all within dates."""
    filters = event_filters(request, parameters)
    wanted = paging(request, parameters)
    return read_response(request, lambda connection: events.conversations(connection, filters, parameters.role, wanted))


@router.get("/api/activities", response_model=ActivityPage, tags=["activities"], summary="Changes of files, newest first")
@requires(READ)
def list_activities(request: Request, parameters: Annotated[ActivityList, Query()]) -> Response:
    """Which files were created, modified and deleted."""
    filters = event_filters(request, parameters)
    wanted = paging(request, parameters)
    return read_response(
        request, lambda connection: events.activities(connection, filters, parameters.file_path, parameters.action, wanted)
    )


@router.get(
    "/api/tool-calls/session/{session_id:path}",
    response_model=ToolCallPage,
    tags=["tool calls"],
    summary="A session's tool calls, oldest first",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def list_tool_calls(request: Request, session_id: SessionId, parameters: Annotated[Paged, Query()]) -> Response:
    """With their parameters as they were sent."""
    wanted = paging(request, parameters)
    return read_response(request, lambda connection: _tool_calls(request, connection, session_id, wanted))


def _session(request: Request, connection: Connection, session_id: str) -> Row:
    found = sessions.session(connection, session_id)
    if found is None:
        raise _no_session(request)
    return found


def _tool_calls(request: Request, connection: Connection, session_id: str, wanted: Paging) -> Page:
    page = events.session_tool_calls(connection, session_id, wanted)
    if not page.items and not sessions.session_exists(connection, session_id):
        raise _no_session(request)
    return page


def _no_session(request: Request) -> Exception:
    if "GET" not in methods_by_path()(request.scope["raw_path"].decode("latin-1")):
        # The path of a write, such as /api/sessions/start: a 405 that names its method.
        return HTTPException(404)
    return NotFound("There is no session of this id; see /api/sessions.", code="SESSION_NOT_FOUND", details={"session_id": "not known"})
