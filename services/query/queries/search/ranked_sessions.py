"""Sessions that may be meant: those with any of the words, below what matches exactly.

The index of sessions ranks them. It knows neither rights nor filters: both hold since one statement under the policies of the connection picks, of the
sessions that it names, those with a document that passes the filters. What a bound key is told depends on its own sessions alone: no others are ranked,
and words are neither weighed by how rare they are nor corrected.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from services.query.answers.search import Match, RankedMatch, RankedSessions
from services.query.database import Connection, Row, estimated_rows, fetch, rows
from services.query.queries.search.document_conditions import Conditions, frequency, may_tell_frequencies, of_words, weights_of
from services.query.queries.search.document_finder import Deadline, Scored, within
from services.query.queries.search.document_items import MOST_HITS_OF_A_SESSION, items
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.query_language import Query, Term
from services.query.search_index.ranking import RankedSession, Ranking, rank
from services.query.search_index.reader import SearchIndex
from services.query.search_index.stop_words import is_stop_word
from shared.document_words import folded, query_lexemes

log = structlog.get_logger()

MOST_SESSIONS: Final = 10
# So many of the best are looked at, more where too few of them pass; at last all that pass are ranked.
CANDIDATES: Final = (200, 1_000, 5_000)
# To find sessions, and to find their texts.
BUDGET_SECONDS: Final = 0.3
TEXTS_BUDGET_SECONDS: Final = 0.2
# Texts are shown that have one of so many words, the longest; the best of so many of a session, of which so many are read.
MOST_WORDS: Final = 32
MOST_SCORED: Final = 200
MOST_READ: Final = 5_000
# If so few documents may pass the filters, all of their sessions are ranked.
FEW_DOCUMENTS: Final = 5_000
# A word that so few have is rare.
FEW_WITH_A_WORD: Final = 20_000
_WORD: Final = re.compile(r"\w{2,}")

Content = TypeVar("Content")
# Ranks so many sessions, all or these.
Rank = Callable[[int, Sequence[str] | None], Ranking]


class IndexFailed(Exception):
    """The index of sessions cannot tell."""


class _TimeIsOver(Exception):
    """The answer is what was found until now."""


class _Text(Scored, frozen=True):
    """A text of a session."""

    session_id: str


class _Asked(Struct, frozen=True):
    """A search within one connection and its filters, until a deadline."""

    connection: Connection
    filters: Filters
    deadline: Deadline

    def read(self, read: Callable[[], Content]) -> Content:
        """_TimeIsOver if it takes longer."""
        found = within(self.connection, self.deadline.left_ms(), read)
        if found is None:
            raise _TimeIsOver
        return found

    def parameters(self) -> Row:
        """Those of the filters."""
        return self.filters.parameters | self._conditions().parameters

    def statement(self, name: str) -> str:
        """A statement over documents that pass."""
        return self._conditions().statement(name)

    def session_ids(self, name: str) -> list[str]:
        """The sessions that a statement finds."""
        return [row["session_id"] for row in self.read(lambda: rows(self.connection, self.statement(name), self.parameters()))]

    def expected_documents(self) -> int:
        """The number of documents that may pass, as the planner knows it."""
        return estimated_rows(self.connection, self.statement("candidates"), self.parameters())

    def _conditions(self) -> Conditions:
        return of_words(Query((), (), False), None, self.filters.path)


def ranked_sessions(
    connection: Connection, index: SearchIndex, query: Query, filters: Filters, *, corrects: bool
) -> tuple[RankedSessions | None, bool]:
    """The best sessions with their best texts, None without a word; and whether there was time for all of it. It never fails for its index."""
    wanted = tuple({term.text: term for terms in query.alternatives for term in terms if not term.is_excluded}.values())
    if not wanted:
        return None, True
    tells = may_tell_frequencies(connection)
    try:
        ranked = _ranker(index, query, wanted, tells=tells, corrects=corrects)
        found, corrected, is_complete = _found(_Asked(connection, filters, Deadline(BUDGET_SECONDS)), ranked, tells=tells)
    except IndexFailed:
        return RankedSessions([], {}, index.waiting(connection), is_ready=False), True
    try:
        asked = _Asked(connection, filters, Deadline(TEXTS_BUDGET_SECONDS))
        texts = _texts(asked, [session.session_id for session in found], wanted, corrected, tells=tells) if found else []
    except _TimeIsOver:
        texts, is_complete = [], False
    sessions = [replace(session, items=[text for text in texts if text.session_id == session.session_id]) for session in found]
    return RankedSessions(sessions, corrected, index.waiting(connection), is_ready=True), is_complete


def _ranker(index: SearchIndex, query: Query, wanted: Sequence[Term], *, tells: bool, corrects: bool) -> Rank:
    words = [term.text for term in wanted]
    # With `or`, a word may be excluded of one alternative only: a session can have it then.
    excluded = sorted(set.intersection(*({term.text for term in terms if term.is_excluded} for terms in query.alternatives)))

    def ranked(limit: int, among: Sequence[str] | None) -> Ranking:
        try:
            ranking = index.ask(
                lambda searcher: rank(searcher, words, excluded, limit=limit, among=among, weighs_rarity=tells, corrects=corrects and tells)
            )
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Whatever is wrong with it: a panic of its engine is no Exception.
            log.exception("search_index_failed")
            raise IndexFailed from error
        if ranking is None:
            raise IndexFailed
        return ranking

    return ranked


def _found(asked: _Asked, ranked: Rank, *, tells: bool) -> tuple[list[RankedMatch], dict[str, str], bool]:
    """The best sessions that pass, what was corrected, and whether there was time to look at all."""
    found, corrected = list[RankedMatch](), dict[str, str]()
    try:
        for ranking in _rankings(asked, ranked, tells=tells):
            corrected = ranking.corrected
            found += _passing(asked, ranking.sessions)
            if len(found) >= MOST_SESSIONS:
                break
    except _TimeIsOver:
        return found, corrected, False
    return found[:MOST_SESSIONS], corrected, True


def _rankings(asked: _Asked, ranked: Rank, *, tells: bool) -> Iterator[Ranking]:
    """Sessions to look at, the best first, each once."""
    if asked.filters.matches_nothing:
        return
    among = None if tells else asked.session_ids("sessions_of_key")
    if among is not None:
        limits = [*(limit for limit in CANDIDATES if limit < len(among)), len(among)]
    else:
        limits = [*CANDIDATES] if asked.expected_documents() > FEW_DOCUMENTS else []
    seen: set[str] = set()
    for limit in limits:
        ranking = ranked(limit, among)
        is_all = len(ranking.sessions) < limit or limit == limits[-1]
        # Which of equal ones an index names depends on everything in it, so to a bound key these are named together or not at all.
        least = None if tells or is_all else _rounded(ranking.sessions[-1])
        sure = [each for each in ranking.sessions if each.session_id not in seen and _rounded(each) != least]
        yield replace(ranking, sessions=sure)
        if len(ranking.sessions) < limit:
            return
        seen.update(each.session_id for each in sure)
    if tells:
        # Fewer than are wanted of these were seen before.
        ranking = ranked(2 * MOST_SESSIONS, asked.session_ids("sessions_that_pass"))
        yield replace(ranking, sessions=[each for each in ranking.sessions if each.session_id not in seen])


def _rounded(session: RankedSession) -> float:
    """Its score to four places: what is equal must not differ by the order in which an index adds."""
    return round(session.score, 4)


def _passing(asked: _Asked, ranked: Sequence[RankedSession]) -> list[RankedMatch]:
    """Those that the key sees, with a document that passes the filters. Their texts come later."""
    candidates = {"ids": [each.session_id for each in ranked], "scores": [_rounded(each) for each in ranked], "most": MOST_SESSIONS}
    statement, parameters = asked.statement("passing_sessions"), asked.parameters() | candidates
    return (
        asked.read(lambda: fetch(asked.connection, RankedMatch, statement, parameters, lambda row: row.update(items=[]))) if ranked else []
    )


def _texts(asked: _Asked, sessions: Sequence[str], wanted: Sequence[Term], corrected: Mapping[str, str], *, tells: bool) -> list[Match]:
    """The best texts of each session with any of the words as they were typed; where none has one, what was asked first."""
    connection = asked.connection
    told = [term for term in wanted if not is_stop_word(folded(term.text))] or wanted
    typed = [*(term.text for term in told), *corrected.values()]
    lexemes = dict.fromkeys([*(lexeme for term in told for lexeme in term.lexemes), *query_lexemes(" ".join(corrected.values()))])
    words = sorted(lexemes, key=len, reverse=True)[:MOST_WORDS]
    # The rare words tell why a session is here, unless it has none. To a bound key none is rare.
    frequencies = [frequency(connection, word) if tells else 0 for word in words]
    rare = [word for word, number in zip(words, frequencies, strict=True) if tells and number <= FEW_WITH_A_WORD]
    parameters = asked.parameters() | {
        "words": words,
        "weights": list(weights_of(frequencies)),
        "all_weights": sum(weights_of(frequencies)),
        "most_read": MOST_READ,
        "most_scored": MOST_SCORED,
        "most": MOST_HITS_OF_A_SESSION,
    }
    found: list[_Text] = []
    left = list(sessions)
    for statement, of in (("texts_of_sessions", rare), ("texts_of_sessions", words), ("first_texts", words)):
        if of and left:
            more = {"sessions": left, "any_word": " | ".join(of), "are_rare": of is rare}
            found += asked.read(partial(fetch, connection, _Text, asked.statement(statement), parameters | more))
            left = [each for each in left if all(each != text.session_id for text in found)]
    path = asked.filters.path
    marked = [*typed, *(word for text in typed for word in _WORD.findall(text)), *([path] if path else [])]
    return items(connection, found, {None: marked}, asked.filters.part, with_content=False)
