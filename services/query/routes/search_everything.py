"""Search in everything."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from services.query.answers.search import DocumentPage
from services.query.database import Connection
from services.query.http.parameters import RESPONSES, dates, is_bound, page_of_json, settings_of
from services.query.http.pattern_searches import PatternSearches
from services.query.http.read_response import read_response
from services.query.parameters.search import DocumentSearch
from services.query.queries.search.search_documents import Wanted, search_documents
from services.query.queries.stats import ranges
from shared.auth.scopes import READ, requires
from shared.http.errors import invalid

router = APIRouter(tags=["search"], responses=RESPONSES)


@router.get("/api/search", response_model=DocumentPage, summary="Search in everything that was said and done")
@requires(READ)
async def search_everything(request: Request, parameters: Annotated[DocumentSearch, Query()]) -> Response:
    """Messages, commands, what tools were given and gave back, paths, titles, notes and tags. A search never fails because it takes long.

    If its time is over, the answer has what was found so far, and `is_complete` is false.
    """
    wanted, page = _wanted(request, parameters), page_of_json(request, parameters)

    def search(connection: Connection) -> DocumentPage:
        return search_documents(connection, request.app.state.search_index, wanted, page)

    if wanted.mode == "regex":
        patterns: PatternSearches = request.app.state.pattern_searches
        return await patterns.answer(request, search)
    return await run_in_threadpool(read_response, request, search)


def _wanted(request: Request, parameters: DocumentSearch) -> Wanted:
    text = parameters.q or ""
    if parameters.mode != "words" and not text:
        raise invalid("q", f"is required with mode={parameters.mode}")
    start, end = dates(request, parameters)
    return Wanted(
        text=text,
        mode=parameters.mode,
        given={
            "project_id": parameters.project_id,
            "group": parameters.group,
            "repository": parameters.repository,
            "user": parameters.user,
            "session_id": parameters.session_id,
            "tool": parameters.tool_name,
            "role": parameters.role,
            "branch": parameters.branch,
            "machine": parameters.machine,
            "is_error": parameters.is_error,
            "is_starred": parameters.is_starred,
            "kind": parameters.kind,
            "start": start,
            "end": end,
        },
        tz=ranges.time_zone(parameters.tz or settings_of(request).timezone),
        is_case_sensitive=parameters.case,
        sort=parameters.sort,
        by_session=parameters.group_by == "session",
        with_context=parameters.context,
        with_content=parameters.include_content,
        corrects=parameters.correct,
        is_bound=is_bound(request),
    )
