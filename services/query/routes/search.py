"""Search in conversations."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, event_filters
from services.query.queries.search.search_messages import search
from services.query.schemas.lists import ConversationSearch, SearchPage
from shared.auth.scopes import READ, requires
from shared.http.errors import invalid
from shared.search_terms import MAX_QUERY_TERMS, SearchQuery, parse_query

router = APIRouter(tags=["conversations"], responses=RESPONSES)


@router.get("/api/conversations/search", response_model=SearchPage, responses=LIST_RESPONSES, summary="Search in what was said")
@requires(READ)
def search_conversations(request: Request, parameters: Annotated[ConversationSearch, Query()]) -> Response:
    """Words, `"a phrase"`, `-not`, `or`. Any text is a query; one of which nothing is indexed, such as `!?`, finds nothing."""
    query = _parsed(parameters.q)
    filters = event_filters(request, parameters, parameters.session_id)
    return list_response(
        request, parameters, lambda connection, wanted: search(connection, query, filters, parameters.role, parameters.sort, wanted)
    )


def _parsed(q: str | None) -> SearchQuery | None:
    if q is None or not q.strip():
        return None
    query = parse_query(q)
    if query.terms > MAX_QUERY_TERMS:
        raise invalid("q", f"has more than {MAX_QUERY_TERMS} terms; put words that belong together in quotes, or leave some out")
    return query
