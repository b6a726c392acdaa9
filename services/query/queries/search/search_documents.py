"""Search in everything: what is asked for, how it is found, corrected and shown. Its parts are in the modules beside this one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from psycopg.errors import InvalidRegularExpression

from services.query.database import Connection, Row, one_row, rows
from services.query.queries.lists.paging import Paging
from services.query.queries.search import document_conditions, near_words, query_filters, session_words
from services.query.queries.search.document_conditions import Conditions, sql
from services.query.queries.search.document_finder import MAX_TOTAL, Deadline, Found, Stretch, newest, within
from services.query.queries.search.document_items import items, sessions_with_items, with_neighbours
from services.query.queries.search.document_pages import (
    BY_TIME,
    MOST_TEXTS_OF_WORDS,
    OF_WORDS,
    RANKED,
    Find,
    Shown,
    best_first,
    newest_first,
    then_across,
)
from services.query.queries.search.document_pages import by_session as sessions_first
from services.query.queries.search.nearest import nearest
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.query_language import Mode, Query, interpreted, parse
from services.query.queries.search.session_words import Sessions
from shared.http.errors import invalid

# If fewer are found, the words are perhaps misspelt.
NEXT_TO_NOTHING: Final = 1
_TO_READ_A_PATTERN_MS: Final = 1_000
_TO_READ_THE_DICTIONARY_MS: Final = 500
INCOMPLETE: Final = (
    "The time of a search was over before everything was looked at. This is the newest that was found; "
    "`next_cursor` goes on from there. Rarer words, a project or dates make it faster."
)

INCOMPLETE_ACROSS: Final = (
    "Not all sessions were looked at for words that are in different texts: the words are too frequent for that. "
    "A rarer word, a project or dates help."
)


class Wanted(Struct, frozen=True):
    """What a request asks for. `given` are its filters by their names in the language (query_filters.py)."""

    text: str
    mode: Mode
    given: Mapping[str, Any]
    tz: ZoneInfo
    # Of a bound key, an index in the order of time serves it.
    only_project: int | None
    is_case_sensitive: bool
    sort: Literal["best", "newest"]
    by_session: bool
    with_context: bool
    with_content: bool
    corrects: bool
    # The dictionary has the words of all projects.
    is_bound: bool


def search_documents(connection: Connection, wanted: Wanted, paging: Paging) -> Row:
    """A page of matches, or of sessions with their matches; what was understood; and how many rows are not in the index yet."""
    query = parse(wanted.text) if wanted.mode == "words" else None
    filters = query_filters.resolve(connection, query.filters if query else (), wanted.given, wanted.tz, wanted.only_project)
    if wanted.mode == "regex":
        check_pattern(connection, wanted.text)
    after = paging.last_keys(RANKED, BY_TIME, OF_WORDS)
    correction: dict[str, str] = {}
    if after is not None and query is not None:
        # A page of a corrected search goes on with what was looked for.
        correction = dict(zip(*[iter(after[-1].split())] * 2, strict=False))
        query = _with(query, correction)
    answer = _page(connection, wanted, query, filters, paging, after, correction)
    if after is None and query is not None and wanted.corrects and answer["total_is_exact"] and _found(answer) <= NEXT_TO_NOTHING:
        better, near = near_words.corrected(connection, query)
        if near:
            second = _page(connection, wanted, better, filters, paging, after, near)
            if _found(second) > _found(answer):
                query, answer, correction = better, second, near
    is_nothing = after is None and _found(answer) == 0 and answer["is_complete"]
    return answer | {
        "corrected": correction or None,
        "hints": query_filters.hints(connection, filters) if is_nothing else [],
        "nearest": nearest(connection, query, filters) if is_nothing and query is not None and not filters.matches_nothing else [],
        "interpreted": {
            "mode": wanted.mode,
            "alternatives": interpreted(query) if query else [[{"text": wanted.text, "kind": wanted.mode, "is_excluded": False}]],
            "filters": filters.shown,
        },
        "pending_documents": one_row(connection, sql("pending"))["documents"],
    }


def _found(answer: Row) -> int:
    """Matches, and sessions that have the words in different texts."""
    across: int = answer["across"]["sessions"] if answer["across"] else 0
    return across + int(answer["total"])


def check_pattern(connection: Connection, pattern: str) -> None:
    """400 for what is no regular expression of Postgres."""
    try:
        is_read = within(connection, _TO_READ_A_PATTERN_MS, "on", sql("check_pattern"), {"pattern": pattern})
    except InvalidRegularExpression as error:
        reason = (error.diag.message_primary or "").removeprefix("invalid regular expression: ")
        raise invalid("q", f"is no regular expression: {reason}; mode=literal looks for a text as it stands") from None
    if is_read is None:
        raise invalid("q", "takes too long to read as a regular expression; make it shorter")


def _with(query: Query, correction: Mapping[str, str]) -> Query:
    alternatives = tuple(
        tuple(near_words.replaced(term, correction[term.text]) if term.text in correction else term for term in terms)
        for terms in query.alternatives
    )
    return structs.replace(query, alternatives=alternatives)


def _page(
    connection: Connection,
    wanted: Wanted,
    query: Query | None,
    filters: Filters,
    paging: Paging,
    after: tuple[Any, ...] | None,
    correction: Mapping[str, str],
) -> Row:
    if filters.matches_nothing or (query is not None and query.is_text and not query.alternatives):
        return _answer(connection, wanted, query, filters, Shown([], None, Found([], 0, True), [] if wanted.by_session else None))
    text = " ".join(word for pair in correction.items() for word in pair)
    conditions = _conditions(connection, wanted, query, filters)
    is_across = after is not None and len(after) == len(OF_WORDS)
    page = page_of_matches(
        connection,
        conditions,
        filters.parameters,
        paging,
        None if is_across else after,
        sort=wanted.sort,
        by_session=wanted.by_session,
        text=text,
    )
    if is_across:
        page = Shown([], None, page.found, [])
    if wanted.by_session and query is not None and page.next_cursor is None:
        page = _across(connection, wanted, query, filters, paging, page, after if is_across else None, text)
    return _answer(connection, wanted, query, filters, page)


def _across(
    connection: Connection,
    wanted: Wanted,
    query: Query,
    filters: Filters,
    paging: Paging,
    page: Shown,
    after: tuple[Any, ...] | None,
    text: str,
) -> Shown:
    """All matches are shown: then the sessions that have the words in different texts."""
    found = session_words.sessions_of_words(connection, query, filters, after and after[2])
    page, shown = then_across(page, found, wanted.sort, paging, text, after)
    hits = session_words.numbers_of_texts(connection, query, filters, [session.session_id for session in shown]) if shown else {}
    groups: list[Row] = [
        {
            "session_id": session.session_id,
            "match": "session",
            "hits": max(hits.get(session.session_id, 0), 1),
            "rows": session.best_texts(MOST_TEXTS_OF_WORDS),
            "most": MOST_TEXTS_OF_WORDS,
        }
        for session in shown
    ]
    return structs.replace(page, sessions=[*(page.sessions or ()), *groups])


def page_of_matches(
    connection: Connection,
    conditions: Conditions,
    filters: Row,
    paging: Paging,
    after: tuple[Any, ...] | None,
    *,
    sort: str,
    by_session: bool = False,
    text: str = "",
    also: Callable[[Find, Row], Find] = lambda find, _: find,
) -> Shown:
    """A page of what matches, behind the sort keys `after`. `also` may find more, with the parameters of the search."""
    deadline = Deadline()
    ranks = sort == "best" and bool(conditions.words)
    weights: Sequence[int] = [10] * len(conditions.words)
    if ranks:
        weights = document_conditions.rarity(connection, conditions.words)
    if after is not None and len(after) == len(RANKED) and len(after[7]) == len(weights):
        weights = after[7]
    parameters = filters | conditions.weighed(weights)

    def of_index(stretch: Stretch, fetch: int) -> Found:
        return newest(connection, conditions, parameters, stretch, fetch, deadline)

    find = also(of_index, parameters)
    if by_session:
        return sessions_first(find, "best" if ranks else "newest", paging, text, weights, after)
    if ranks and (after is None or len(after) == len(RANKED)):
        return best_first(find, paging, text, weights, after)
    return newest_first(find, paging, text, None if after is None else after[:2])


def _conditions(connection: Connection, wanted: Wanted, query: Query | None, filters: Filters) -> Conditions:
    if query is not None:
        return document_conditions.of_words(query, filters.part, filters.path)
    of = document_conditions.of_literal if wanted.mode == "literal" else document_conditions.of_pattern
    is_known = not wanted.is_bound and one_row(connection, sql("has_dictionary"))["is_whole"]

    def words_with(like: str, most: int) -> list[str] | None:
        if not is_known:
            return None
        found = within(connection, _TO_READ_THE_DICTIONARY_MS, "on", sql("words_with"), {"like": like, "most": most})
        return None if found is None else [row["word"] for row in found]

    return of(wanted.text, filters.part, words_with, is_case_sensitive=wanted.is_case_sensitive)


def _answer(connection: Connection, wanted: Wanted, query: Query | None, filters: Filters, page: Shown) -> Row:
    rows(connection, sql("scans"), {"bitmaps": "on", "timeout": "5000", "row_cost": "0.01"})

    def shown(matches: Sequence[Row]) -> list[Row]:
        highlights = _highlights(connection, wanted, query, filters, matches)
        return items(connection, matches, highlights, filters.part, with_content=wanted.with_content)

    names = ("total", "total_is_exact", "is_complete", "incomplete_because")
    told = {"next_cursor": page.next_cursor, **dict(zip(names, completeness(page), strict=True)), "across": _told(page.across)}
    if page.sessions is not None:
        return {"sessions": sessions_with_items(connection, page.sessions, shown, with_context=wanted.with_context)} | told
    listed = shown(page.rows)
    return {"items": with_neighbours(connection, listed) if wanted.with_context else listed} | told


def completeness(page: Shown) -> tuple[int, bool, bool, str | None]:
    """How many match, and whether that is exact; whether the time was enough to look at everything, and what was not looked at."""
    is_complete = page.found.stopped_at is None
    is_across_complete = page.across is None or page.across.is_exact
    total = min(max(page.found.total, len(page.rows) if page.sessions is None else 0), MAX_TOTAL)
    because = INCOMPLETE if not is_complete else None if is_across_complete else INCOMPLETE_ACROSS
    return total, page.found.total_is_exact, is_complete and is_across_complete, because


def _told(across: Sessions | None) -> Row | None:
    return None if across is None else {"sessions": len(across.found), "is_exact": across.is_exact}


def _highlights(
    connection: Connection, wanted: Wanted, query: Query | None, filters: Filters, matches: Sequence[Row]
) -> Mapping[Any, Sequence[str]]:
    if query is not None:
        return {None: (*query.highlights, *((filters.path,) if filters.path else ()))}
    if wanted.mode == "literal":
        return {None: (wanted.text,)}
    ids = [match["id"] for match in matches]
    asked = {"ids": ids, "pattern": wanted.text, "flags": "" if wanted.is_case_sensitive else "i"}
    marks = within(connection, 1_000, "on", sql("marks"), asked) if ids else None
    return {row["id"]: [text for text in row["texts"] if text] for row in marks or ()}
