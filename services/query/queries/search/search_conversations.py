"""Search in what was said: the search index with messages alone, shown whole."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from services.query.answers.lists import FoundMessage, SearchPage
from services.query.database import Connection, Row, fetch, one_row
from services.query.queries.lists.events import NUMBER_OF_MESSAGES, EventFilters, conversations
from services.query.queries.lists.paging import Paging
from services.query.queries.search import index_progress
from services.query.queries.search.document_pages import cursor_of, position
from services.query.queries.search.query_filters import Filters, empty_filters
from services.query.queries.search.query_language import Query
from services.query.queries.search.search_documents import INCOMPLETE, page_of_matches
from services.query.queries.search.snippet import snippet
from services.query.queries.search.text_conditions import of_words
from services.query.queries.search.text_filters import filter_query
from services.query.queries.search.text_finder import MAX_TOTAL, Found, Search, within
from services.query.queries.search.text_scores import rarity
from services.query.queries.search.text_searcher import rows_of
from services.query.search_index.reader import SearchIndex, View
from shared.sql_files import SqlFile

MAX_TERMS: Final = 16
# Messages of the plain list are counted for so long.
_COUNT_MS: Final = 500

_MESSAGES: Final = SqlFile(__package__, "conversations.sql").messages


def search(
    connection: Connection,
    index: SearchIndex,
    query: Query | None,
    filters: EventFilters,
    role: str | None,
    sort: str,
    paging: Paging,
    *,
    is_bound: bool,
) -> SearchPage:
    """A page of matches with snippets, the number of all matches, and how many texts cannot be found yet.

    Without a query, everything that passes the filters matches.
    """
    if query is None:
        return _listed(connection, filters, role, paging)
    if not query.alternatives:
        return _answer([], Found([], 0, True))
    asked = _filters(connection, filters, role)
    found = index.ask(lambda view: _searched(connection, view, query, asked, sort, paging, is_bound=is_bound))
    return found or _answer([], Found([], is_complete=False), because=index_progress.NO_INDEX)


def _listed(connection: Connection, filters: EventFilters, role: str | None, paging: Paging) -> SearchPage:
    """The plain list. It reads the rows, so none waits for the index."""
    listed = conversations(connection, filters, role, paging)
    items = _in_full(connection, {item.id: 0.0 for item in listed.items}, ())
    asked = filters.parameters(connection) | {"role": role, "most": MAX_TOTAL + 1}
    counted = within(connection, _COUNT_MS, lambda: one_row(connection, NUMBER_OF_MESSAGES, asked))
    total = counted["messages"] if counted else len(items)
    return _answer(items, Found([], min(total, MAX_TOTAL), counted is not None and total <= MAX_TOTAL), listed.next_cursor)


def _filters(connection: Connection, filters: EventFilters, role: str | None) -> Filters:
    given = filters.parameters(connection)
    user = given.pop("user")
    parameters = empty_filters() | given | {"kinds": ["message"], "role": role, "users": None if user is None else [user]}
    return Filters(parameters, None, None, {}, matches_nothing=False)


def _searched(
    connection: Connection, view: View, query: Query, filters: Filters, sort: str, paging: Paging, *, is_bound: bool
) -> SearchPage:
    conditions = of_words(query, None, None)
    weights = rarity(view, conditions.words, is_bound=is_bound)
    asked = Search(connection, view, conditions, filter_query(connection, filters), weights, only_words_rank=True)
    page = page_of_matches(asked, paging, position(paging), sort=sort)
    hits = page.hits
    if not conditions.looks_at_texts:
        # One may have changed since it was indexed.
        read = rows_of(connection, hits)
        hits = [hit for hit in hits if (row := read.get((hit.kind, hit.id))) and conditions.holds(row)]
    items = _in_full(connection, {hit.id: hit.score for hit in hits}, query.highlights)
    because = index_progress.lacks(view, is_bound=is_bound)
    return _answer(items, page.found, cursor_of(paging, page.next_position), because, index_progress.pending(view, is_bound=is_bound))


def _in_full(connection: Connection, scores: Mapping[UUID, float], highlights: Sequence[str]) -> list[FoundMessage]:
    """The messages in the order of their scores, as they are now."""

    def prepare(row: Row) -> None:
        row |= {"snippet": snippet(row["content"], highlights), "score": scores[row["id"]]}

    found = {message.id: message for message in fetch(connection, FoundMessage, _MESSAGES, {"ids": list(scores)}, prepare)}
    return [found[message_id] for message_id in scores if message_id in found]


def _answer(
    items: list[FoundMessage], found: Found, next_cursor: str | None = None, because: str | None = None, pending: int = 0
) -> SearchPage:
    """`because`: why not all that matches can be found, whatever time there is."""
    return SearchPage(
        items=items,
        next_cursor=next_cursor,
        total=found.total,
        total_is_exact=found.total_is_exact,
        is_complete=found.is_complete and because is None,
        incomplete_because=because or (None if found.is_complete else INCOMPLETE),
        pending_documents=pending,
    )
