"""Search in what was said: the search index with messages alone, shown whole. What is not indexed yet is looked at as it is."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.query.answers.lists import FoundMessage, SearchPage
from services.query.database import Connection, Row, fetch, fetch_by, one_row
from services.query.queries.lists.events import NUMBER_OF_MESSAGES, EventFilters, conversations
from services.query.queries.lists.paging import Paging
from services.query.queries.search import document_conditions
from services.query.queries.search.document_finder import COUNT_MS, MAX_TOTAL, Found, Stretch, set_scans, within
from services.query.queries.search.document_pages import Find, Shown, cursor_of, position
from services.query.queries.search.noted_messages import Noted, noted, noted_matches, sql, with_noted
from services.query.queries.search.query_language import Query
from services.query.queries.search.search_documents import INCOMPLETE, page_of_matches
from services.query.queries.search.snippet import snippet
from shared.document_words import MAX_CONTENT_CHARS

MAX_TERMS: Final = 16
_TO_SHOW_MS: Final = 5_000


def search(connection: Connection, query: Query | None, filters: EventFilters, role: str | None, sort: str, paging: Paging) -> SearchPage:
    """A page of matches with snippets, the number of all matches, and how many messages are not in the index yet.

    Without a query, everything that passes the filters matches.
    """
    if query is None:
        return _listed(connection, filters, role, paging)
    if not query.alternatives:
        return _answer([], Found([], 0, True), None, 0)
    waiting = noted(connection)
    page = _page(connection, query, _parameters(connection, filters, role, waiting), waiting, sort, paging)
    items = _in_full(connection, {hit.id: hit.score for hit in page.hits}, query.highlights)
    return _answer(items, page.found, cursor_of(paging, page.next_position), waiting.others)


def _listed(connection: Connection, filters: EventFilters, role: str | None, paging: Paging) -> SearchPage:
    """The plain list. It reads the rows, so none waits for the index."""
    listed = conversations(connection, filters, role, paging)
    items = _in_full(connection, {item.id: 0.0 for item in listed.items}, ())
    asked = filters.parameters(connection) | {"role": role, "most": MAX_TOTAL + 1}
    counted = within(connection, COUNT_MS, lambda: one_row(connection, NUMBER_OF_MESSAGES, asked))
    total = counted["messages"] if counted else len(items)
    found = Found([], min(total, MAX_TOTAL), counted is not None and total <= MAX_TOTAL)
    return _answer(items, found, listed.next_cursor, 0)


def _parameters(connection: Connection, filters: EventFilters, role: str | None, waiting: Noted) -> Row:
    given = filters.parameters(connection)
    user = given.pop("user")
    found = document_conditions.empty_filters() | given | {"kinds": ["message"], "role": role, "only_words_rank": True}
    return found | {"users": None if user is None else [user], "noted": waiting.ids or None}


def _page(connection: Connection, query: Query, parameters: Row, waiting: Noted, sort: str, paging: Paging) -> Shown:
    conditions = document_conditions.of_words(query, None, None)

    def also(find: Find, asked: Row) -> Find:
        matches = noted_matches(connection, waiting, query, conditions, asked)
        return partial(_with_whole_lengths, connection, with_noted(find, matches))

    return page_of_matches(connection, conditions, parameters, paging, position(paging), sort=sort, also=also)


class _Length(Struct, frozen=True):
    """Of a message's text."""

    bytes: int


def _with_whole_lengths(connection: Connection, find: Find, stretch: Stretch, fetch: int) -> Found:
    """A document has the beginning of a long message, and a page is bounded by what it shows."""
    found = find(stretch, fetch)
    cut = [hit.id for hit in found.hits if hit.bytes >= MAX_CONTENT_CHARS]
    if not cut:
        return found
    lengths = fetch_by(connection, _Length, "id", sql("bytes"), {"ids": cut})
    return replace(found, hits=[replace(hit, bytes=lengths[hit.id].bytes) if hit.id in lengths else hit for hit in found.hits])


def _in_full(connection: Connection, scores: Mapping[UUID, float], highlights: Sequence[str]) -> list[FoundMessage]:
    """The messages in the order of their scores, as they are now. One that is gone since it was indexed is left out.

    QueryCanceled, which is a 503, if there is no time: the next page would be behind them.
    """

    def prepare(row: Row) -> None:
        row |= {"snippet": snippet(row["content"], highlights), "score": scores[row["id"]]}

    set_scans(connection, _TO_SHOW_MS)
    messages = fetch(connection, FoundMessage, sql("messages"), {"ids": list(scores)}, prepare)
    found = {message.id: message for message in messages}
    return [found[message_id] for message_id in scores if message_id in found]


def _answer(items: list[FoundMessage], found: Found, next_cursor: str | None, pending: int) -> SearchPage:
    return SearchPage(
        items=items,
        next_cursor=next_cursor,
        total=found.total,
        total_is_exact=found.total_is_exact,
        is_complete=found.is_complete,
        incomplete_because=None if found.is_complete else INCOMPLETE,
        pending_documents=pending,
    )
