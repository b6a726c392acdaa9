"""Sessions that may be meant: those with any of the words, below what matches exactly.

The index ranks those that its reader may see and that pass the filters of sessions. A document may be seconds old: so one statement under the policies of
the connection tells which are seen. Those are shown that have a text which passes all filters. A bound key is told what depends on its own
sessions alone: no others are ranked, and words are neither weighed by how rare they are nor corrected.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import tantivy
from msgspec import Struct
from msgspec.structs import replace
from tantivy import Occur

from services.query.answers.search import RankedMatch, RankedSessions
from services.query.database import Connection, fetch
from services.query.queries.search.document_items import MOST_HITS_OF_A_SESSION, items
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.query_language import Query, Term
from services.query.queries.search.text_conditions import Word, of_words
from services.query.queries.search.text_filters import filter_query, labelled, session_filter_query
from services.query.queries.search.text_finder import Deadline
from services.query.queries.search.text_scores import rarity
from services.query.queries.search.text_searcher import TextHit, all_of, any_of, best_hits, count, count_in, newest_hits, rows_of
from services.query.search_index.documents.row_documents import RowDocument
from services.query.search_index.ranking import RankedSession, Ranking, rank
from services.query.search_index.reader import View
from services.query.search_index.words.stop_words import is_stop_word
from services.query.search_index.words.text_words import query_words
from shared.sql_files import SqlFile

MOST_SESSIONS: Final = 10
# So many of the best are looked at, more where too few of them pass.
CANDIDATES: Final = (200, 1_000, 5_000)
BUDGET_SECONDS: Final = 0.5
# If so few texts pass the filters, their sessions alone are ranked.
FEW_TEXTS: Final = 1_000
# Texts are shown that have one of so many words, the longest.
MOST_WORDS: Final = 32
# So many texts of a session are compared, or read where that tells whether one passes. The first is looked for among so many.
MOST_READ: Final = 100
MOST_LISTED: Final = 2_000
# A prompt counts so much more than another text with the same words. A word counts 10, a rare one more.
_PROMPT_WEIGHT: Final = 5

_SQL: Final = SqlFile(__package__, "ranked_sessions.sql")


# Ranks so many sessions, all or those that match.
_Rank = Callable[[int, tantivy.Query | None], Ranking]


class _Passing(Struct, frozen=True):
    """The texts that pass the filters. `holds`: what must be read in their rows, besides."""

    connection: Connection
    view: View
    query: tantivy.Query | None
    holds: Callable[[RowDocument], bool] | None

    def has_one(self, session_id: str) -> bool:
        """True if a session has one. Without filters each has, its title at least."""
        if self.query is None and self.holds is None:
            return True
        query = all_of(self.query, _in_session(session_id))
        return bool(self._kept(best_hits(self.view, query, 1 if self.holds is None else MOST_READ)))

    def best(self, session_id: str, with_words: tantivy.Query) -> list[TextHit]:
        """The best of a session with any of the words."""
        query = all_of(self.query, _in_session(session_id), with_words)
        hits = best_hits(self.view, query, MOST_READ)
        if len(hits) == MOST_READ and hits[-1].score == hits[MOST_HITS_OF_A_SESSION - 1].score:
            # Which of equal ones an index names depends on everything in it.
            hits = newest_hits(self.view, query, MOST_READ)
        return self._kept(hits)[:MOST_HITS_OF_A_SESSION]

    def of_session(self, session_id: str, with_words: tantivy.Query) -> list[TextHit]:
        """The best of a session with any of the words; where none has one, what was asked first; where nothing was asked, what is there first."""
        if best := self.best(session_id, with_words):
            return best
        for asked in (labelled("role", ["user"]), None):
            hits = newest_hits(self.view, all_of(self.query, _in_session(session_id), asked), MOST_LISTED)
            if kept := self._kept(hits[-MOST_READ:]):
                return kept[-1:]
        return []

    def sessions_of_few(self) -> list[str] | None:
        """The sessions of all texts; None if these are many."""
        query = self.query or tantivy.Query.all_query()
        # To count all texts takes a third of a ranking.
        number = count(self.view, query) if self.query is not None else self.view.searcher.num_docs
        if number > FEW_TEXTS:
            return None
        found = rows_of(self.connection, best_hits(self.view, query, FEW_TEXTS)).values()
        return sorted({row.session_id for row in found if row.session_id and (self.holds is None or self.holds(row))})

    def _kept(self, hits: list[TextHit]) -> list[TextHit]:
        if self.holds is None:
            return hits
        found = rows_of(self.connection, hits)
        return [hit for hit in hits if (row := found.get((hit.kind, hit.id))) and self.holds(row)]


def ranked_sessions(
    connection: Connection, view: View, query: Query, filters: Filters, *, corrects: bool, is_bound: bool, waiting: int
) -> tuple[RankedSessions | None, bool]:
    """The best sessions with their best texts, None without a word; and whether there was time for all of it. So many others wait to be ranked."""
    wanted = tuple({term.text: term for terms in query.alternatives for term in terms if not term.is_excluded}.values())
    if not wanted:
        return None, True
    deadline = Deadline(BUDGET_SECONDS)
    passing = _passing(connection, view, filters)
    ranked = _ranker(view, query, wanted, corrects=corrects, is_bound=is_bound)
    found, corrected = list[RankedMatch](), dict[str, str]()
    for ranking in _rankings(passing, filters, ranked) if not filters.matches_nothing else ():
        corrected = ranking.corrected
        seen = _seen(connection, ranking.sessions)
        while seen and len(found) < MOST_SESSIONS and deadline.left_ms():
            session = seen.pop(0)
            found += [session] if passing.has_one(session.session_id) else []
        if len(found) == MOST_SESSIONS or not deadline.left_ms():
            break
    is_complete = len(found) == MOST_SESSIONS or deadline.left_ms() > 0
    told = [term for term in wanted if not is_stop_word(term.text.lower())] or wanted
    words = _words(told, corrected)
    with_words = _with_words(words, rarity(view, words, is_bound=is_bound))
    hits = [hit for session in found for hit in passing.of_session(session.session_id, with_words)]
    typed = [*(term.text for term in told), *corrected.values(), *(word.text for word in words if len(word.text) > 1)]
    marked = [*typed, filters.path] if filters.path else typed
    shown = items(connection, hits, lambda _: marked, filters.part, with_content=False)
    sessions = [replace(session, items=[item for item in shown if item.session_id == session.session_id]) for session in found]
    return RankedSessions(sessions, corrected, waiting, is_ready=view.is_whole), is_complete


def _passing(connection: Connection, view: View, filters: Filters) -> _Passing:
    of_filters = filter_query(connection, filters)
    if filters.path is None:
        return _Passing(connection, view, of_filters, None)
    of_path = of_words(Query((), (), False), None, filters.path)
    return _Passing(connection, view, all_of(of_filters, of_path.candidates), of_path.holds)


def _ranker(view: View, query: Query, wanted: Sequence[Term], *, corrects: bool, is_bound: bool) -> _Rank:
    words = [term.text for term in wanted]
    # With `or`, a word may be excluded of one alternative only: a session can have it then.
    excluded = sorted(set.intersection(*({term.text for term in terms if term.is_excluded} for terms in query.alternatives)))

    def ranked(limit: int, among: tantivy.Query | None) -> Ranking:
        return rank(
            view.sessions,
            words,
            excluded,
            limit=limit,
            among=among,
            weighs_rarity=not is_bound,
            corrects=corrects and view.may_show_words and not is_bound,
        )

    return ranked


def _rankings(passing: _Passing, filters: Filters, ranked: _Rank) -> Iterator[Ranking]:
    """Sessions to look at, the best first, each once."""
    of_few = passing.sessions_of_few()
    among = session_filter_query(passing.connection, filters) if of_few is None else labelled("session", of_few)
    number = CANDIDATES[-1] if among is None else count_in(passing.view.sessions, among)
    limits = [*(limit for limit in CANDIDATES if limit < number), number]
    seen: set[str] = set()
    for limit in limits:
        ranking = ranked(limit, among)
        is_all = len(ranking.sessions) < limit or limit == limits[-1]
        # Which of equal ones an index names depends on everything in it: all of them are named, or none until more are ranked.
        least = None if is_all else _rounded(ranking.sessions[-1])
        sure = [each for each in ranking.sessions if each.session_id not in seen and _rounded(each) != least]
        yield replace(ranking, sessions=sure)
        if len(ranking.sessions) < limit:
            return
        seen.update(each.session_id for each in sure)


def _rounded(session: RankedSession) -> float:
    """Its score to four places: what is equal must not differ by the order in which an index adds."""
    return round(session.score, 4)


def _seen(connection: Connection, ranked: Sequence[RankedSession]) -> list[RankedMatch]:
    """Those that the key sees. Their texts come later."""
    asked = {"ids": [each.session_id for each in ranked], "scores": [_rounded(each) for each in ranked]}
    return fetch(connection, RankedMatch, _SQL.seen_sessions, asked, lambda row: row.update(items=[])) if ranked else []


def _words(told: Sequence[Term], corrected: Mapping[str, str]) -> list[Word]:
    """The words that lead to texts of a session, as they were typed and as they were corrected."""
    typed = of_words(Query((tuple(told),), (), True), None, None).words
    meant = [Word(word) for text in corrected.values() for word in query_words(text)]
    return sorted(dict.fromkeys([*typed, *meant]), key=lambda word: len(word.text), reverse=True)[:MOST_WORDS]


def _with_words(words: Sequence[Word], weights: Sequence[int]) -> tantivy.Query:
    """Texts with any of the words, the best those with the rarest, and prompts before others."""
    counted = [tantivy.Query.const_score_query(word.query(), weight) for word, weight in zip(words, weights, strict=True)]
    prompts = tantivy.Query.const_score_query(labelled("role", ["user"]), _PROMPT_WEIGHT)
    return tantivy.Query.boolean_query([(Occur.Must, any_of(*counted)), (Occur.Should, prompts)])


def _in_session(session_id: str) -> tantivy.Query:
    return tantivy.Query.const_score_query(labelled("session", [session_id]), 0.0)
