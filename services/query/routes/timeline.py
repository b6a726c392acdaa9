"""A session from its beginning to its end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from services.query.answers.timeline import Timeline, TimelineTotals, TurnPage
from services.query.cursor import Shape
from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, settings_of
from services.query.parameters.fields import OptionalText, Paged, SessionId, text_of
from services.query.queries.lists.paging import Paging
from services.query.queries.timeline.derived_items import Outline, move, read_outline
from services.query.queries.timeline.item_order import BEGINNING, END, NO_TIME, Key, View
from services.query.queries.timeline.item_position import just_before, place_of_derived, place_of_row
from services.query.queries.timeline.timeline import TimelinePage, page_after, page_around, page_before
from services.query.queries.timeline.turns import turns
from services.query.routes.sessions import check_session, no_session
from shared.auth.scopes import READ, requires
from shared.http.errors import NotFound, invalid
from shared.http.path_segments import named_in_one_segment


class TimelineParameters(Paged):
    order: Literal["asc", "desc"] = Field(
        "asc", description="`asc`: from the session's beginning. `desc`: from its end. Items without a date are the earliest."
    )
    around: Annotated[
        OptionalText,
        text_of(
            "The `id` of an item, or of a file change below a call: it is in the middle of the page, and both cursors lead on from "
            "there. With a `cursor` it has no effect.",
            300,
            examples=["018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b"],
        ),
    ] = None
    agent_id: Annotated[OptionalText, text_of("A subagent's own timeline, in place of the session's.", examples=["a1b2c3"])] = None
    threads: Literal["one", "all"] = Field(
        "one", description="`all`: what the session and all of its subagents did, in one order; each item has its `agent_id`."
    )
    include_thinking: bool = Field(False, description="With Claude's thinking, where it was kept.")

    def filters(self) -> dict[str, object]:
        """The filters that a cursor is bound to. A page around an item leads on to pages without `around`."""
        return {name: value for name, value in super().filters().items() if name != "around"}


class TurnParameters(Paged):
    limit: int = Field(50, ge=1, le=200, description="Most turns on a page.")


router = APIRouter(tags=["sessions"], responses=RESPONSES)

ReadPage = Callable[[Connection, Outline, int], TimelinePage]

# Time, rank and id of the item that a page continues from, and 1 if it has what comes after it, else 0.
_CURSOR: Final[Shape] = ("time", "int", "uuid", "int")


@router.get(
    "/api/sessions/{session_id:path}/timeline",
    response_model=Timeline,
    responses=LIST_RESPONSES,
    summary="A session in order, item by item",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def show_timeline(request: Request, session_id: SessionId, parameters: Annotated[TimelineParameters, Query()]) -> Response:
    """Messages, tool calls with input and result, file changes with their patch, subagents, compactions, model switches and idle gaps."""
    if parameters.agent_id is not None and parameters.threads == "all":
        raise invalid("threads", "is `all`, which has every subagent; leave agent_id or threads out")
    view = View(session_id, parameters.agent_id, parameters.threads == "all", parameters.include_thinking)

    def read(connection: Connection, wanted: Paging) -> Timeline:
        place, read_page = _place(connection, view, parameters, wanted)
        outline = read_outline(connection, view, timedelta(seconds=settings_of(request).idle_gap_seconds), place or BEGINNING)
        if outline is None:
            raise no_session(request)
        if view.agent_id is not None and view.agent_id not in outline.threads:
            raise NotFound("The session has no subagent of this id.", code="SUBAGENT_NOT_FOUND", details={"agent_id": "not known"})
        if place is None and parameters.around is not None:
            move(connection, outline, just_before(place_of_derived(outline, parameters.around)))
        page = read_page(connection, outline, wanted.limit)
        return _answer(outline, page, wanted, newest_first=parameters.order == "desc")

    return list_response(request, parameters, read)


@router.get(
    "/api/sessions/{session_id:path}/turns",
    response_model=TurnPage,
    responses=LIST_RESPONSES,
    summary="A session's turns, oldest first",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def list_turns(request: Request, session_id: SessionId, parameters: Annotated[TurnParameters, Query()]) -> Response:
    """A prompt and all that followed until the next: its time, cost, tokens, tools and files. The turns' sums are the session's."""

    def read(connection: Connection, wanted: Paging) -> TurnPage:
        page = turns(connection, session_id, wanted, timedelta(seconds=settings_of(request).idle_gap_seconds))
        if not page.items:
            check_session(request, connection, session_id)
        return page

    return list_response(request, parameters, read)


def _place(connection: Connection, view: View, parameters: TimelineParameters, wanted: Paging) -> tuple[Key | None, ReadPage]:
    """Where a page is, and how it is read from there. No place: next to an item that no row stands for."""
    if wanted.cursor is not None:
        *keys, is_after = wanted.last_keys(_CURSOR) or ()
        at, rank, row_id = keys
        key = (at if at != "-infinity" else NO_TIME, rank, row_id)
        return (key, page_after) if is_after else (just_before(key), page_before)
    if parameters.around is not None:
        row = place_of_row(connection, view, parameters.around)
        return row and just_before(row), page_around
    return (END, page_before) if parameters.order == "desc" else (BEGINNING, page_after)


def _answer(outline: Outline, page: TimelinePage, wanted: Paging, *, newest_first: bool) -> Timeline:
    times = outline.times()
    shown = [thread for agent_id, thread in outline.threads.items() if outline.view.shows(agent_id)]
    totals = TimelineTotals(
        *page.usage.total(outline.view).totals(),
        items=outline.total_items,
        turns=outline.prompts,
        tool_calls=sum(thread.tool_calls for thread in shown),
        first_time=times and times[0],
        last_time=times and times[1],
    )
    earlier = _cursor(wanted, page.first, is_after=False) if page.has_before else None
    later = _cursor(wanted, page.last, is_after=True) if page.has_after else None
    return Timeline(
        session_id=outline.view.session_id,
        agent_id=outline.view.agent_id,
        totals=totals,
        items=page.items[::-1] if newest_first else page.items,
        next_cursor=earlier if newest_first else later,
        previous_cursor=later if newest_first else earlier,
    )


def _cursor(wanted: Paging, key: Key | None, *, is_after: bool) -> str | None:
    if key is None:
        return None
    at, rank, row_id = key
    return wanted.next_cursor([None if at == NO_TIME else at, rank, row_id, int(is_after)])
