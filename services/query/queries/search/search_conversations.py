"""Search in what was said: the search index with messages alone, shown whole. What is not indexed yet is looked at as it is."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from msgspec.structs import asdict, replace

from services.query.answers.lists import FoundMessage, SearchPage
from services.query.database import Connection, Row, rows, structs
from services.query.queries.lists.events import NUMBER_OF_MESSAGES, EventFilters, conversations
from services.query.queries.lists.paging import Paging
from services.query.queries.search import document_conditions
from services.query.queries.search.document_finder import COUNT_MS, MAX_TOTAL, Found, Stretch, within
from services.query.queries.search.document_pages import BY_TIME, RANKED, Find, Shown
from services.query.queries.search.noted_messages import Noted, noted, noted_matches, sql, with_noted
from services.query.queries.search.query_language import Query
from services.query.queries.search.search_documents import completeness, page_of_matches
from services.query.queries.search.snippet import snippet
from shared.document_words import MAX_CONTENT_CHARS

MAX_TERMS: Final = 16


def search(connection: Connection, query: Query | None, filters: EventFilters, role: str | None, sort: str, paging: Paging) -> SearchPage:
    """A page of matches with snippets, the number of all matches, and how many messages are not in the index yet.

    Without a query, everything that passes the filters matches.
    """
    if query is None:
        return _listed(connection, filters, role, paging)
    if not query.alternatives:
        return _answer([], Shown([], None, Found([], 0, True)), 0)
    waiting = noted(connection)
    page = _page(connection, query, _parameters(filters, role, waiting), waiting, sort, paging)
    items = _in_full(connection, {row["id"]: row["score"] for row in page.rows}, query.highlights)
    return _answer(items, page, waiting.others)


def _listed(connection: Connection, filters: EventFilters, role: str | None, paging: Paging) -> SearchPage:
    """The plain list. It reads the rows, so none waits for the index."""
    listed = conversations(connection, filters, role, paging)
    items = _in_full(connection, {item.id: 0.0 for item in listed.items}, ())
    counted = within(connection, COUNT_MS, "on", NUMBER_OF_MESSAGES, asdict(filters) | {"role": role, "most": MAX_TOTAL + 1})
    total = counted[0]["messages"] if counted else len(items)
    found = Found([], total, counted is not None and total <= MAX_TOTAL)
    return _answer(items, Shown([], listed.next_cursor, found), 0)


def _parameters(filters: EventFilters, role: str | None, waiting: Noted) -> Row:
    given = asdict(filters)
    user = given.pop("user")
    found = document_conditions.empty_filters() | given | {"kinds": ["message"], "role": role, "only_words_rank": True}
    return found | {"users": None if user is None else [user], "noted": waiting.ids or None}


def _page(connection: Connection, query: Query, parameters: Row, waiting: Noted, sort: str, paging: Paging) -> Shown:
    conditions = document_conditions.of_words(query, None, None)

    def also(find: Find, asked: Row) -> Find:
        matches = noted_matches(connection, waiting, query, conditions, asked)
        return partial(_with_whole_lengths, connection, with_noted(find, matches))

    return page_of_matches(connection, conditions, parameters, paging, paging.last_keys(RANKED, BY_TIME), sort=sort, also=also)


def _with_whole_lengths(connection: Connection, find: Find, stretch: Stretch, fetch: int) -> Found:
    """A document has the beginning of a long message, and a page is bounded by what it shows."""
    found = find(stretch, fetch)
    cut = [row["id"] for row in found.rows if row["bytes"] >= MAX_CONTENT_CHARS]
    lengths = {row["id"]: row["bytes"] for row in rows(connection, sql("bytes"), {"ids": cut})} if cut else {}
    return replace(found, rows=[row | {"bytes": lengths.get(row["id"], row["bytes"])} for row in found.rows]) if cut else found


def _in_full(connection: Connection, scores: Mapping[UUID, float], highlights: Sequence[str]) -> list[FoundMessage]:
    """The messages in the order of their scores, as they are now. One that is gone since it was indexed is left out."""

    def prepare(row: Row) -> None:
        row |= {"snippet": snippet(row["content"], highlights), "score": scores[row["id"]]}

    messages = within(connection, 5_000, "on", sql("messages"), {"ids": list(scores)}) or []
    found = {message.id: message for message in structs(FoundMessage, messages, prepare)}
    return [found[message_id] for message_id in scores if message_id in found]


def _answer(items: list[FoundMessage], page: Shown, pending: int) -> SearchPage:
    total, total_is_exact, is_complete, incomplete_because = completeness(page)
    return SearchPage(items, page.next_cursor, total, total_is_exact, is_complete, incomplete_because, pending)
