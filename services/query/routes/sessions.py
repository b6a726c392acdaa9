"""Sessions and what happened in them, row by row."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from services.query.answers.lists import ActivityPage, MessagePage, Session, SessionPage, ToolCallPage
from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, dates, event_filters, only_project, refuse_parameters, settings_of
from services.query.http.read_response import read_response
from services.query.parameters.fields import SessionId
from services.query.parameters.lists import ActivityList, ConversationList, OldestToolCallList, SessionList, ToolCallList
from services.query.queries.lists import events, sessions
from services.query.queries.lists.events import EventFilters
from services.query.queries.lists.paging import Paging
from shared.auth.scopes import READ, requires
from shared.http.api_document import methods_by_path
from shared.http.errors import NotFound, existing
from shared.http.path_segments import named_in_one_segment
from shared.sessions.session_tags import tag_key

router = APIRouter(responses=RESPONSES)


@router.get(
    "/api/sessions",
    response_model=SessionPage,
    responses=LIST_RESPONSES,
    tags=["sessions"],
    summary="Sessions, newest first or by a number",
)
@requires(READ)
def list_sessions(request: Request, parameters: Annotated[SessionList, Query()]) -> Response:
    """Sorted by start. Sessions without a start come last, and are left out if dates are given.

    The dates choose sessions by their start, or with `by=active` by what happened in them.
    """
    start, end = dates(request, parameters)
    project_id = parameters.project_id or only_project(request)
    of_session = (parameters.status, parameters.model, parameters.branch, parameters.source, parameters.machine)
    marked = (parameters.is_starred, None if parameters.tag is None else tag_key(parameters.tag.strip()))
    filters = sessions.SessionFilters(
        project_id,
        parameters.user,
        start,
        end,
        *of_session,
        *marked,
        parameters.id_prefix,
        group=parameters.group,
        repository=parameters.repository,
        contains=parameters.contains,
        outcome=parameters.outcome,
        pull_request=parameters.pull_request and parameters.pull_request.removeprefix("#"),
        by_activity=parameters.by == "active",
    )
    gap = settings_of(request).idle_gap_seconds
    return list_response(
        request,
        parameters,
        lambda connection, wanted: sessions.sessions(
            connection,
            filters,
            wanted,
            gap,
            parameters.sort,
            ascending=parameters.order == "asc",
            include_share=parameters.include_share,
            include_outcome=parameters.include_outcome,
        ),
    )


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


@router.get(
    "/api/conversations", response_model=MessagePage, responses=LIST_RESPONSES, tags=["conversations"], summary="Messages, newest first"
)
@requires(READ)
def list_conversations(request: Request, parameters: Annotated[ConversationList, Query()]) -> Response:
    """Messages of people and of Claude. Messages without a date come last, and not at all within dates."""
    filters = event_filters(request, parameters)
    return list_response(request, parameters, lambda connection, wanted: events.conversations(connection, filters, parameters.role, wanted))


@router.get(
    "/api/activities", response_model=ActivityPage, responses=LIST_RESPONSES, tags=["activities"], summary="Changes of files, newest first"
)
@requires(READ)
def list_activities(request: Request, parameters: Annotated[ActivityList, Query()]) -> Response:
    """Which files were created, modified and deleted."""
    filters = event_filters(request, parameters)
    return list_response(
        request,
        parameters,
        lambda connection, wanted: events.activities(
            connection, filters, parameters.file_path, parameters.action, wanted, include_patch=parameters.include_patch
        ),
    )


@router.get(
    "/api/tool-calls",
    response_model=ToolCallPage,
    responses=LIST_RESPONSES,
    tags=["tool calls"],
    summary="Tool calls, newest first or by duration",
)
@requires(READ)
def list_all_tool_calls(request: Request, parameters: Annotated[ToolCallList, Query()]) -> Response:
    """With their parameters as they were sent. Calls without a date are left out if dates are given."""
    filters = event_filters(request, parameters)
    of_call = (parameters.tool_name, parameters.status, parameters.error_class)
    return list_response(
        request,
        parameters,
        lambda connection, wanted: events.tool_calls(
            connection,
            filters,
            *of_call,
            wanted,
            parameters.sort,
            ascending=parameters.order == "asc",
            include_result=parameters.include_result,
        ),
    )


@router.get(
    "/api/tool-calls/session/{session_id:path}",
    response_model=ToolCallPage,
    responses=LIST_RESPONSES,
    tags=["tool calls"],
    summary="A session's tool calls, oldest first",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def list_tool_calls(request: Request, session_id: SessionId, parameters: Annotated[OldestToolCallList, Query()]) -> Response:
    """With their parameters as they were sent."""
    return list_response(
        request, parameters, lambda connection, wanted: _tool_calls(request, connection, session_id, wanted, parameters.include_result)
    )


def _session(request: Request, connection: Connection, session_id: str) -> Session:
    return existing(sessions.session(connection, session_id), no_session(request))


def _tool_calls(request: Request, connection: Connection, session_id: str, wanted: Paging, include_result: bool) -> ToolCallPage:
    page = events.tool_calls(connection, EventFilters(session_id), None, None, None, wanted, ascending=True, include_result=include_result)
    if not page.items:
        check_session(request, connection, session_id)
    return page


def check_session(request: Request, connection: Connection, session_id: str) -> None:
    """The 404, unless anything of the session is known to the key."""
    if not sessions.session_exists(connection, session_id):
        raise no_session(request)


def no_session(request: Request) -> Exception:
    """The 404 of a session that is not known to the key."""
    if "GET" not in methods_by_path()(request.scope["raw_path"].decode("latin-1")):
        # The path of a write, such as /api/sessions/start: a 405 that names its method.
        return HTTPException(404)
    return NotFound("There is no session of this id; see /api/sessions.", code="SESSION_NOT_FOUND", details={"session_id": "not known"})
