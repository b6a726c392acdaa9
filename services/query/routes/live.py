"""The live feed as server-sent events."""

from collections.abc import Callable
from typing import Annotated, TypeVar, TypeVarTuple, get_args

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AfterValidator, Field, TypeAdapter
from starlette.concurrency import run_in_threadpool

from services.query.answers.live import LiveItem, LiveSessions
from services.query.database import Connection, Database
from services.query.http.event_stream import HEADERS, HEARTBEAT_SECONDS, MEDIA_TYPE, EventStream
from services.query.http.parameters import FAILURES, RESPONSES, bound_projects, chosen_projects
from services.query.http.read_response import read_response
from services.query.live.live_feed import LiveFeed
from services.query.live.positions import position_of
from services.query.live.views import View, texts_for
from services.query.parameters.fields import (
    Absent,
    Filtered,
    OptionalSession,
    OptionalTool,
)
from services.query.queries.lists.live_sessions import live_sessions, machine_ids
from services.query.queries.lists.projects import ChosenProjects
from services.query.queries.lists.users import bound_user_names, user_names
from shared.auth.authentication import grant_of
from shared.auth.scopes import METRICS, requires
from shared.feed import Kind
from shared.http.concurrency import slot_of
from shared.http.errors import Forbidden, Unavailable, invalid

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_KINDS = get_args(Kind)


def _are_kinds(text: str | None) -> str | None:
    unknown = [kind for kind in text.split(",") if kind not in _KINDS] if text is not None else []
    if unknown:
        raise ValueError(f"{unknown[0][:100]} is not a kind; there are {', '.join(_KINDS)}")
    return text


class LiveParameters(Filtered):
    session_id: OptionalSession = None
    tool_name: OptionalTool = None
    kind: Annotated[
        str | None,
        Absent(),
        AfterValidator(_are_kinds),
        Field(
            max_length=300, description=f"Only these kinds, separated by commas: {', '.join(_KINDS)}.", examples=["prompt,tool_finished"]
        ),
    ] = None
    last_event_id: Annotated[
        str | None,
        Absent(),
        Field(max_length=40, description="As the header `Last-Event-ID`, for clients that cannot set one. The header wins."),
    ] = None


router = APIRouter(tags=["live"], responses=FAILURES)

# The models that its items refer to are among the components, since `GET /api/live/sessions` has them too.
_SCHEMA = TypeAdapter(LiveItem).json_schema(ref_template="#/components/schemas/{model}")
_ITEM = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {name: part for name, part in _SCHEMA.items() if name != "$defs"},
}
_EVENT_SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": _ITEM}}


@router.get(
    "/api/live",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": _EVENT_SCHEMA}}, "description": "Server-sent events."}},
    summary="What arrives, as it arrives",
)
@requires(METRICS)
async def watch_live(
    request: Request,
    parameters: Annotated[LiveParameters, Query()],
    last_event_id: Annotated[
        str | None, Header(max_length=40, description="Id of the last event that came; those after it follow.")
    ] = None,
) -> Response:
    """Server-sent events from now on, or after `Last-Event-ID`. The `event` is the item's kind, the `data` a LiveItem.

    An `event: gap` says that items before it are no longer kept. Comments keep the connection open. Keys without the scope `read` get no texts,
    paths or ids of sessions. Keys that are bound to users hear what they may read in lists: these users' sessions, and shared ones as long as they
    are shared. The answer to a HEAD has the position of now as `X-Last-Event-ID`.
    """
    live: LiveFeed = request.app.state.live
    grant = grant_of(request.scope)
    named = last_event_id or parameters.last_event_id
    position = position_of(named) if named else None
    if named and position is None:
        raise invalid("last_event_id", "is not the id of an event of this stream; leave it out")
    texts = texts_for(grant)
    if (texts != "all" and parameters.session_id) or (texts == "none" and parameters.machine):
        raise Forbidden("This key does not see the ids that it filters by; use one with the scope read.")
    projects = bound_projects(request)
    if parameters.group is not None or parameters.repository is not None:
        projects = await _read(request, ChosenProjects(None, parameters.group, parameters.repository).ids)
    view = View(
        texts,
        None if projects is None else frozenset(projects),
        None if grant is None or grant.users is None else frozenset(await _read(request, bound_user_names)),
        parameters.project_id,
        None if parameters.user is None else frozenset(await _read(request, user_names, parameters.user)),
        parameters.session_id,
        None if parameters.machine is None else frozenset(await _read(request, machine_ids, parameters.machine)),
        parameters.tool_name,
        frozenset(parameters.kind.split(",")) if parameters.kind else None,
    )
    now = await live.now()
    if request.scope.get("is_head"):
        return Response(headers=HEADERS | {"X-Last-Event-ID": now.event_id}, media_type=MEDIA_TYPE)
    slot = slot_of(request.scope)
    if not slot.move_to(slot.limits.listeners):
        raise Unavailable("Too many are listening; try again in a moment.", code="OVERLOADED", retry_after_seconds=5)
    return EventStream(live.events(view, position or now, HEARTBEAT_SECONDS))


async def _read(request: Request, read: Callable[[Connection, *Ts], T], *args: *Ts) -> T:
    """Reads as the key sees it now. A change is seen from the next connection on."""
    database: Database = request.app.state.database

    def work() -> T:
        with database.connection(grant_of(request.scope)) as connection:
            return read(connection, *args)

    return await run_in_threadpool(work)


@router.get("/api/live/sessions", response_model=LiveSessions, responses=RESPONSES, summary="Open sessions, with what happens in them")
@requires(METRICS)
async def list_live_sessions(request: Request, parameters: Annotated[Filtered, Query()]) -> Response:
    """Sessions as the rows have them. For a live board read this once, then go on with the live feed from `last_event_id`.

    Keys without the scope `read` get no texts and no ids of sessions, so they can only count states.
    """
    live: LiveFeed = request.app.state.live
    if parameters.machine and texts_for(grant_of(request.scope)) == "none":
        raise Forbidden("This key does not see the machines that it filters by; use one with the scope read.")
    position = await live.now()

    def read(connection: Connection) -> LiveSessions:
        items = live_sessions(connection, chosen_projects(request, parameters), parameters.user, parameters.machine)
        return LiveSessions(items, position.event_id)

    return await run_in_threadpool(lambda: read_response(request, read))
