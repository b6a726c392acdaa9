"""Search in everything: what is asked for, how it is found and shown. Its parts are in the modules beside this one."""

from collections.abc import Callable, Sequence
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct
from psycopg.errors import InvalidRegularExpression

from services.query.answers.search import DocumentPage, Interpreted, InterpretedTerm, Match, TypedFilter
from services.query.database import Connection, Row, fetch, one_row, rows
from services.query.queries.lists.paging import Paging
from services.query.queries.search import document_conditions, query_filters
from services.query.queries.search.document_conditions import Conditions, sql
from services.query.queries.search.document_finder import Deadline, Found, Scored, Stretch, newest, set_scans, within
from services.query.queries.search.document_items import Highlights, add_neighbours, items, sessions_with_items
from services.query.queries.search.document_pages import (
    ByTime,
    Find,
    InWindow,
    Position,
    Shown,
    best_first,
    cursor_of,
    newest_first,
    position,
)
from services.query.queries.search.document_pages import by_session as sessions_first
from services.query.queries.search.query_filters import Filters, Given
from services.query.queries.search.query_language import Mode, Query, interpreted, parse
from services.query.queries.search.ranked_sessions import ranked_sessions
from services.query.search_index.reader import SearchIndex
from shared.http.errors import invalid

_TO_READ_A_PATTERN_MS: Final = 1_000
_TO_READ_THE_DICTIONARY_MS: Final = 500
_TO_MARK_MS: Final = 1_000
# Of what is read for the matches that are shown.
_TO_SHOW_MS: Final = 5_000
INCOMPLETE: Final = (
    "The time of a search was over before everything was looked at. This is the newest that was found; "
    "`next_cursor` goes on from there. Rarer words, a project or dates make it faster."
)

NO_TIME_TO_RANK: Final = "There was no time to rank all sessions that may be meant. Rarer words, a project or dates make it faster."
NO_TIME_TO_MARK: Final = "There was no time to mark what the pattern matches."


class Wanted(Struct, frozen=True):
    """What a request asks for."""

    text: str
    mode: Mode
    given: Given
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


def search_documents(connection: Connection, index: SearchIndex, wanted: Wanted, paging: Paging) -> DocumentPage:
    """A page of matches, or of sessions with their matches; below the first page the sessions that may be meant; and what was understood."""
    query = parse(wanted.text) if wanted.mode == "words" else None
    filters = query_filters.resolve(connection, query.filters if query else (), wanted.given, wanted.tz, wanted.only_project)
    if wanted.mode == "regex":
        check_pattern(connection, wanted.text)
    after = position(paging)
    page = _page(connection, wanted, query, filters, paging, after)
    # What there was no time for, beside the matches.
    lacks: list[str] = []

    def shown(matches: Sequence[Scored]) -> list[Match]:
        highlights = _highlights(connection, wanted, query, filters, matches, lacks)
        return items(connection, matches, highlights, filters.part, with_content=wanted.with_content)

    by_session = None if page.sessions is None else sessions_with_items(connection, page.sessions, shown, with_context=wanted.with_context)
    listed = shown(page.hits) if by_session is None else []
    if wanted.with_context:
        add_neighbours(connection, listed)
    ranked, is_all_ranked = None, True
    if query is not None and after is None:
        ranked, is_all_ranked = ranked_sessions(connection, index, query, filters, corrects=wanted.corrects)
    lacks += [] if is_all_ranked else [NO_TIME_TO_RANK]
    return DocumentPage(
        items=listed if by_session is None else UNSET,
        sessions=UNSET if by_session is None else by_session,
        next_cursor=cursor_of(paging, page.next_position),
        total=page.found.total,
        total_is_exact=page.found.total_is_exact,
        is_complete=page.found.is_complete and not lacks,
        incomplete_because=next(iter(lacks), None) if page.found.is_complete else INCOMPLETE,
        ranked=ranked,
        hints=query_filters.hints(connection, filters) if after is None and page.found.total == 0 and page.found.is_complete else [],
        interpreted=_interpreted(wanted, query, filters),
        pending_documents=one_row(connection, sql("pending"))["documents"],
    )


def _interpreted(wanted: Wanted, query: Query | None, filters: Filters) -> Interpreted:
    if wanted.mode != "words":
        return Interpreted(wanted.mode, [[InterpretedTerm(wanted.text, wanted.mode, False, 0, len(wanted.text))]], filters.shown, [])
    assert query is not None
    typed = [TypedFilter(each.name, each.value, each.is_excluded, each.start, each.end) for each in query.filters]
    return Interpreted(wanted.mode, interpreted(query), filters.shown, typed)


def check_pattern(connection: Connection, pattern: str) -> None:
    """400 for what is no regular expression of Postgres."""
    try:
        is_read = within(connection, _TO_READ_A_PATTERN_MS, lambda: rows(connection, sql("check_pattern"), {"pattern": pattern}))
    except InvalidRegularExpression as error:
        reason = (error.diag.message_primary or "").removeprefix("invalid regular expression: ")
        raise invalid("q", f"is no regular expression: {reason}; mode=literal looks for a text as it stands") from None
    if is_read is None:
        raise invalid("q", "takes too long to read as a regular expression; make it shorter")


def _page(connection: Connection, wanted: Wanted, query: Query | None, filters: Filters, paging: Paging, after: Position | None) -> Shown:
    """What is on the page. The next statements have the time that what is shown may take."""
    if filters.matches_nothing or (query is not None and query.is_text and not query.alternatives):
        return Shown([], None, Found([], 0, True), [] if wanted.by_session else None)
    conditions = _conditions(connection, wanted, query, filters)
    page = page_of_matches(connection, conditions, filters.parameters, paging, after, sort=wanted.sort, by_session=wanted.by_session)
    set_scans(connection, _TO_SHOW_MS)
    return page


def page_of_matches(
    connection: Connection,
    conditions: Conditions,
    filters: Row,
    paging: Paging,
    after: Position | None,
    *,
    sort: str,
    by_session: bool = False,
    also: Callable[[Find, Row], Find] = lambda find, _: find,
) -> Shown:
    """A page of what matches. `also` may find more, with the parameters of the search."""
    deadline = Deadline()
    ranks = sort == "best" and bool(conditions.words)
    weights: Sequence[int] = [10] * len(conditions.words)
    if ranks:
        weights = document_conditions.rarity(connection, conditions.words)
    if isinstance(after, InWindow) and len(after.weights) == len(weights):
        weights = after.weights
    parameters = filters | conditions.weighed(weights)

    def of_index(stretch: Stretch, fetch: int) -> Found:
        return newest(connection, conditions, parameters, stretch, fetch, deadline)

    find = also(of_index, parameters)
    if by_session:
        return sessions_first(find, "best" if ranks else "newest", paging, weights, after)
    if ranks and not isinstance(after, ByTime):
        return best_first(find, paging, weights, after)
    return newest_first(find, paging, after.last if after else None)


def _conditions(connection: Connection, wanted: Wanted, query: Query | None, filters: Filters) -> Conditions:
    if query is not None:
        return document_conditions.of_words(query, filters.part, filters.path)
    of = document_conditions.of_literal if wanted.mode == "literal" else document_conditions.of_pattern
    is_known = not wanted.is_bound and one_row(connection, sql("has_dictionary"))["is_whole"]

    def words_with(like: str, most: int) -> list[str] | None:
        if not is_known:
            return None
        asked = {"like": like, "most": most}
        found = within(connection, _TO_READ_THE_DICTIONARY_MS, lambda: rows(connection, sql("words_with"), asked))
        return None if found is None else [row["word"] for row in found]

    return of(wanted.text, filters.part, words_with, is_case_sensitive=wanted.is_case_sensitive)


class _Marks(Struct, frozen=True):
    """The texts of a document that a pattern matches."""

    id: UUID
    texts: list[str | None]


def _highlights(
    connection: Connection, wanted: Wanted, query: Query | None, filters: Filters, matches: Sequence[Scored], lacks: list[str]
) -> Highlights:
    if query is not None:
        return {None: (*query.highlights, *((filters.path,) if filters.path else ()))}
    if wanted.mode == "literal":
        return {None: (wanted.text,)}
    ids = [match.id for match in matches]
    asked = {"ids": ids, "pattern": wanted.text, "flags": "" if wanted.is_case_sensitive else "i"}
    marks = within(connection, _TO_MARK_MS, lambda: fetch(connection, _Marks, sql("marks"), asked)) if ids else []
    lacks += [NO_TIME_TO_MARK] if marks is None else []
    return {each.id: [text for text in each.texts if text] for each in marks or ()}
