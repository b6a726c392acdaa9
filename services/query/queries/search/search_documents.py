"""Search in everything: what is asked for, how it is found and shown. Its parts are in the modules beside this one."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct
from msgspec.structs import replace

from services.query.answers.search import DocumentPage, Interpreted, InterpretedTerm, Match, RankedSessions, TypedFilter
from services.query.database import Connection
from services.query.queries.lists.paging import Paging
from services.query.queries.search import index_progress, query_filters, text_conditions
from services.query.queries.search.document_items import add_neighbours, items, sessions_with_items
from services.query.queries.search.document_pages import ByTime, InWindow, Position, Shown, best_first, cursor_of, newest_first, position
from services.query.queries.search.document_pages import by_session as sessions_first
from services.query.queries.search.query_filters import Filters, Given
from services.query.queries.search.query_language import Mode, Query, interpreted, parse
from services.query.queries.search.ranked_sessions import ranked_sessions
from services.query.queries.search.text_conditions import Conditions
from services.query.queries.search.text_filters import filter_query
from services.query.queries.search.text_finder import Deadline, Found, Search, newest
from services.query.queries.search.text_scores import rarity
from services.query.queries.search.text_searcher import TextHit
from services.query.search_index.documents.row_documents import RowDocument
from services.query.search_index.reader import SearchIndex, View

INCOMPLETE: Final = (
    "The time of a search was over before everything was looked at. This is the newest that was found; "
    "`next_cursor` goes on from there. Rarer words, a project or dates make it faster."
)
NO_TIME_TO_RANK: Final = "There was no time to rank all sessions that may be meant. Rarer words, a project or dates make it faster."


class Wanted(Struct, frozen=True):
    """A request, as it was asked."""

    text: str
    mode: Mode
    given: Given
    tz: ZoneInfo
    is_case_sensitive: bool
    sort: Literal["best", "newest"]
    by_session: bool
    with_context: bool
    with_content: bool
    corrects: bool
    # Such a key is told nothing that depends on texts which it does not see, as the frequency of a word.
    is_bound: bool


def search_documents(connection: Connection, index: SearchIndex, wanted: Wanted, paging: Paging) -> DocumentPage:
    """A page of matches, or of sessions with their matches; below the first page the sessions that may be meant; and what was understood."""
    query = parse(wanted.text) if wanted.mode == "words" else None
    filters = query_filters.resolve(connection, query.filters if query else (), wanted.given, wanted.tz)
    conditions = _conditions(wanted, query, filters)

    def searched(view: View) -> DocumentPage:
        return _searched(connection, view, wanted, query, filters, conditions, paging, partial(index.waiting, connection))

    found = index.ask(searched)
    if found is not None:
        return found
    nothing = _answer(wanted, query, filters, Shown([], None, Found([], is_complete=False)), paging, None)
    if conditions.words and wanted.mode == "words" and position(paging) is None:
        nothing.ranked = RankedSessions([], {}, index.waiting(connection), is_ready=False)
    return nothing


def _searched(
    connection: Connection,
    view: View,
    wanted: Wanted,
    query: Query | None,
    filters: Filters,
    conditions: Conditions,
    paging: Paging,
    waiting: Callable[[], int],
) -> DocumentPage:
    after = position(paging)
    if filters.matches_nothing or (query is not None and query.is_text and not query.alternatives):
        page = Shown([], None, Found([], 0, view.is_whole), [] if wanted.by_session else None)
    else:
        passing = filter_query(connection, filters)
        search = Search(connection, view, conditions, passing, rarity(view, conditions.words, is_bound=wanted.is_bound))
        page = page_of_matches(search, paging, after, sort=wanted.sort, by_session=wanted.by_session)

    def marks(row: RowDocument) -> Sequence[str] | None:
        # It may have changed since it was indexed.
        return conditions.marks(row) if conditions.holds(row) else None

    def shown(hits: Sequence[TextHit]) -> list[Match]:
        return items(connection, hits, marks, filters.part, with_content=wanted.with_content)

    answer = _answer(wanted, query, filters, page, paging, view)
    if page.sessions is None:
        answer.items = shown(page.hits)
        if wanted.with_context:
            add_neighbours(connection, answer.items)
    else:
        answer.sessions = sessions_with_items(connection, page.sessions, shown, with_context=wanted.with_context)
    if after is None:
        if query is not None:
            answer.ranked, is_all = ranked_sessions(
                connection, view, query, filters, corrects=wanted.corrects, is_bound=wanted.is_bound, waiting=waiting()
            )
            if not is_all:
                answer.is_complete, answer.incomplete_because = False, answer.incomplete_because or NO_TIME_TO_RANK
        if answer.total == 0 and page.found.is_complete:
            answer.hints = query_filters.hints(connection, filters)
    return answer


def _answer(wanted: Wanted, query: Query | None, filters: Filters, page: Shown, paging: Paging, view: View | None) -> DocumentPage:
    """The page without its matches."""
    lacks = index_progress.lacks(view, is_bound=wanted.is_bound) or (None if page.found.is_complete else INCOMPLETE)
    return DocumentPage(
        items=UNSET if wanted.by_session else [],
        sessions=[] if wanted.by_session else UNSET,
        next_cursor=cursor_of(paging, page.next_position),
        total=page.found.total,
        total_is_exact=page.found.total_is_exact,
        is_complete=lacks is None,
        incomplete_because=lacks,
        ranked=None,
        hints=[],
        interpreted=_interpreted(wanted, query, filters),
        pending_documents=index_progress.pending(view, is_bound=wanted.is_bound),
    )


def _interpreted(wanted: Wanted, query: Query | None, filters: Filters) -> Interpreted:
    if wanted.mode != "words":
        return Interpreted(wanted.mode, [[InterpretedTerm(wanted.text, wanted.mode, False, 0, len(wanted.text))]], filters.shown, [])
    assert query is not None
    typed = [TypedFilter(each.name, each.value, each.is_excluded, each.start, each.end) for each in query.filters]
    return Interpreted(wanted.mode, interpreted(query), filters.shown, typed)


def page_of_matches(search: Search, paging: Paging, after: Position | None, *, sort: str, by_session: bool = False) -> Shown:
    """A page of what matches. The words weigh on all pages what they weighed on the first."""
    if isinstance(after, InWindow) and len(after.weights) == len(search.weights):
        search = replace(search, weights=after.weights)
    deadline = Deadline()
    find = partial(newest, search, deadline=deadline)
    ranks = sort == "best" and bool(search.conditions.words)
    if by_session:
        return sessions_first(find, "best" if ranks else "newest", paging, search.weights, after)
    if ranks and not isinstance(after, ByTime):
        return best_first(find, paging, search.weights, after)
    return newest_first(find, paging, after.last if after else None)


def _conditions(wanted: Wanted, query: Query | None, filters: Filters) -> Conditions:
    if query is not None:
        return text_conditions.of_words(query, filters.part, filters.path)
    of = text_conditions.of_literal if wanted.mode == "literal" else text_conditions.of_pattern
    return of(wanted.text, filters.part, is_case_sensitive=wanted.is_case_sensitive)
