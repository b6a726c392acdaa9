"""Sessions that have all words of a search, each in another of their texts: what a person remembers was seldom said at once.

The rarest word leads to sessions, and each other word is looked for in these alone. So the work depends on the rarest word: it is bounded by rows, and by
a time. A session counts with its texts that pass the filters and have no excluded word. What could not be looked at makes a number inexact.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from math import log2
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.query.database import Connection, estimated_rows, fetch_by
from services.query.queries.search.document_conditions import Conditions, may_tell_frequencies, of_words, sql
from services.query.queries.search.document_finder import Deadline, Scored, within
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.query_language import Query, Term

BUDGET_SECONDS: Final = 1.0
# Texts that have the rarest word; with more of them, not all sessions are looked at.
MOST_LEADING: Final = 5_000
# Texts that have another word, in the sessions that are left.
MOST_IN_SESSIONS: Final = 50_000
# Of all sessions, the index is asked for the word. Of known ones, for both the word and the session, before a row is read.
_ROW_COST, _ROW_COST_IN_SESSIONS = "0.01", "1000"
# A session of so many texts is usual. In a longer one a word says less of what it was about.
_USUAL_TEXTS: Final = 100
_LENGTH_COUNTS: Final = 0.75


class Texts(Struct, frozen=True):
    """What a session has of a word: how many texts, what they weigh by their kinds, the newest's time, and the id of the one to show."""

    texts: int
    weight: float
    newest: datetime | None
    id: UUID


class _Length(Struct, frozen=True):
    """How many texts a session has."""

    texts: int


_UNKNOWN: Final = _Length(0)


class SessionOfWords(Struct, frozen=True):
    """A session, its score, and for each word what it has, in the order of the query."""

    session_id: str
    score: float
    words: tuple[Texts, ...]

    @property
    def newest(self) -> float:
        """Seconds since 1970 of its newest text that has one of the words."""
        return max((each.newest.timestamp() for each in self.words if each.newest is not None), default=0.0)

    def best_texts(self, most: int) -> list[Scored]:
        """The best text of each word, each once, with the session's score."""
        ids = list(dict.fromkeys(each.id for each in self.words))[:most]
        return [Scored(document_id, self.score) for document_id in ids]


class Sessions(Struct, frozen=True):
    """What was found, and the weights of the words. `is_exact`: there are no others."""

    found: list[SessionOfWords]
    weights: tuple[int, ...]
    is_exact: bool


class Word(Struct, frozen=True):
    """A word of a query as a search of its own, and how many texts the planner expects."""

    term: Term
    conditions: Conditions
    expected: int


def sessions_of_words(connection: Connection, query: Query, filters: Filters, weights: Sequence[int] | None = None) -> Sessions:
    """Sessions that have all words of an alternative, but no text that has them. Alternatives of one word have none.

    `weights` are those of the page before.
    """
    deadline, found = Deadline(BUDGET_SECONDS), dict[str, SessionOfWords]()
    used: list[int] = []
    is_exact = True
    for terms in query.alternatives:
        words = words_of(connection, terms, filters)
        if len(words) < 2:
            continue
        counted = tuple(weights[len(used) :][: len(words)]) if weights else ()
        used += counted if len(counted) == len(words) else weights_of(connection, words)
        covered = Coverage(connection, words, filters, deadline)
        for session in covered.scored(covered.with_all(), used[-len(words) :]):
            if session.session_id not in found or found[session.session_id].score < session.score:
                found[session.session_id] = session
        is_exact = is_exact and covered.is_exact
    if found:
        whole = Coverage(connection, [], filters, deadline)
        in_one_text = whole.ask(of_words(query, filters.part, filters.path), found, MOST_IN_SESSIONS) or {}
        found = {session_id: session for session_id, session in found.items() if session_id not in in_one_text}
        is_exact = is_exact and whole.is_exact
    return Sessions(list(found.values()), tuple(used), is_exact)


def numbers_of_texts(connection: Connection, query: Query, filters: Filters, sessions: Sequence[str]) -> dict[str, int] | None:
    """How many texts of each session have one of the words; None if there was no time to count them."""
    words = tuple(
        (term, *(each for each in terms if each.is_excluded)) for terms in query.alternatives for term in terms if not term.is_excluded
    )
    covered = Coverage(connection, [], filters, Deadline(BUDGET_SECONDS))
    found = covered.ask(of_words(Query(words, (), True), filters.part, filters.path), sessions, MOST_IN_SESSIONS)
    return None if found is None else {session_id: texts.texts for session_id, texts in found.items()}


def words_of(connection: Connection, terms: Sequence[Term], filters: Filters) -> list[Word]:
    """The words that must be there. A text that has an excluded one does not count."""
    excluded = tuple(term for term in terms if term.is_excluded)
    words = []
    for term in dict.fromkeys(term for term in terms if not term.is_excluded):
        conditions = of_words(Query(((term, *excluded),), (), True), filters.part, filters.path)
        expected = estimated_rows(connection, conditions.statement("candidates"), filters.parameters | conditions.parameters)
        words.append(Word(term, conditions, expected))
    return words


def weights_of(connection: Connection, words: Sequence[Word]) -> tuple[int, ...]:
    """10 for the most frequent word, 10 more each time that another is half as frequent, as the planner knows it. To a bound key all weigh the same."""
    if not may_tell_frequencies(connection):
        return (10,) * len(words)
    most = max(word.expected for word in words) + 1
    return tuple(round(10 * (1 + log2(most / (word.expected + 1)))) for word in words)


class Coverage:
    """Which of the words each session has, of those that were looked at."""

    def __init__(self, connection: Connection, words: Sequence[Word], filters: Filters, deadline: Deadline) -> None:
        """Nothing is asked yet."""
        self._connection, self._words, self._filters, self._deadline = connection, words, filters.parameters, deadline
        self._rarest_first = sorted(range(len(words)), key=lambda number: words[number].expected)
        self._texts: dict[str, dict[int, Texts]] = {}
        self.is_exact = True

    def with_all(self) -> set[str]:
        """The sessions that have every word."""
        leading, *others = self._rarest_first
        left = self._look(leading, None)
        for number in others:
            left = self._look(number, left) if left else left
        return left

    def with_most(self, leading: int) -> dict[frozenset[int], int]:
        """Which words are lacking where the fewest are, and in how many sessions. Those without one of the `leading` rarest words are not looked at.

        All sessions that lack the same words have the same others, of which one was looked for everywhere: so the numbers are true.
        """
        sessions = {session for number in self._rarest_first[:leading] for session in self._look(number, None)}
        for number in self._rarest_first[leading:] if sessions else ():
            self._look(number, sessions)
        most = max(map(len, self._texts.values()), default=0)
        lacking: dict[frozenset[int], int] = {}
        for words in self._texts.values():
            if len(words) == most:
                lacks = frozenset(range(len(self._words))).difference(words)
                lacking[lacks] = lacking.get(lacks, 0) + 1
        return lacking

    def ask(self, conditions: Conditions, sessions: Iterable[str] | None, most: int) -> dict[str, Texts] | None:
        """What each session has, of all or of these; None if there was no time for it."""
        asked = self._filters | conditions.parameters | {"sessions": None if sessions is None else list(sessions), "most": most}
        row_cost = _ROW_COST if sessions is None else _ROW_COST_IN_SESSIONS
        sessions_with = conditions.statement("sessions_with")
        found = within(
            self._connection,
            self._deadline.left_ms(),
            lambda: fetch_by(self._connection, Texts, "session_id", sessions_with, asked),
            row_cost=row_cost,
        )
        if found is None or sum(each.texts for each in found.values()) == most:
            self.is_exact = False
        return found

    def scored(self, sessions: Collection[str], weights: Sequence[int]) -> list[SessionOfWords]:
        """The sessions: rare words count more, often and in what was said, in a session that is not about everything."""
        if not sessions:
            return []
        lengths = fetch_by(self._connection, _Length, "session_id", sql("session_lengths"), {"sessions": list(sessions)})
        found = []
        for session in sessions:
            words = [self._texts[session][number] for number in range(len(self._words))]
            length = max(lengths.get(session, _UNKNOWN).texts, *(each.texts for each in words))
            room = 1 - _LENGTH_COUNTS + _LENGTH_COUNTS * length / _USUAL_TEXTS
            score = sum(weight * each.weight / (each.weight + room) for weight, each in zip(weights, words, strict=True))
            found.append(SessionOfWords(session, round(score / sum(weights), 6), tuple(words)))
        return found

    def _look(self, number: int, sessions: set[str] | None) -> set[str]:
        found = self.ask(self._words[number].conditions, sessions, MOST_LEADING if sessions is None else MOST_IN_SESSIONS) or {}
        for session, texts in found.items():
            self._texts.setdefault(session, {})[number] = texts
        return set(found)
