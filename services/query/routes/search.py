"""Search in conversations."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.answers.lists import SearchPage
from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, event_filters, is_bound
from services.query.parameters.lists import ConversationSearch
from services.query.queries.lists.paging import Paging
from services.query.queries.search.query_language import parse
from services.query.queries.search.search_conversations import MAX_TERMS, search
from services.query.search_index.reader import SearchIndex
from shared.auth.scopes import READ, requires

router = APIRouter(tags=["conversations"], responses=RESPONSES)


@router.get("/api/conversations/search", response_model=SearchPage, responses=LIST_RESPONSES, summary="Search in what was said")
@requires(READ)
def search_conversations(request: Request, parameters: Annotated[ConversationSearch, Query()]) -> Response:
    """Words, `"a phrase"`, `-not`, `or`. Any text is a query; one of which nothing is indexed, such as `!`, finds nothing.

    It asks the same index as /api/search, for messages alone. Messages are found as soon as they are stored; while very many are, as by an import,
    `pending_documents` says how many texts cannot be found yet.
    """
    query = parse(parameters.q, MAX_TERMS, with_filters=False) if parameters.q and parameters.q.strip() else None
    filters = event_filters(request, parameters)
    index: SearchIndex = request.app.state.search_index

    def found(connection: Connection, wanted: Paging) -> SearchPage:
        return search(connection, index, query, filters, parameters.role, parameters.sort, wanted, is_bound=is_bound(request))

    return list_response(request, parameters, found)
