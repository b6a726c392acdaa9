"""For a search that found nothing: which word to drop, and what is found without it."""

from typing import Final

from services.query.answers.search import Nearest
from services.query.database import Connection
from services.query.queries.search.document_finder import Deadline
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.query_language import Filter, Query, Term, parse
from services.query.queries.search.session_words import BUDGET_SECONDS, Coverage, words_of

MOST_OFFERED: Final = 3


def nearest(connection: Connection, query: Query, filters: Filters) -> list[Nearest]:
    """Queries with fewer words that find sessions, the one that keeps the rarest words first. None of a query with `or`."""
    if len(query.alternatives) != 1:
        return []
    deadline = Deadline(BUDGET_SECONDS)
    words = words_of(connection, query.alternatives[0], filters)
    if len(words) < 2:
        return []
    covered = Coverage(connection, words, filters, deadline)
    lacking = covered.with_most()
    least = {lacks: min((words[number].expected for number in lacks), default=0) for lacks in lacking}
    best = sorted(lacking, key=lambda lacks: (-least[lacks], -lacking[lacks], sorted(lacks)))
    offered: list[Nearest] = []
    for lacks in best[:MOST_OFFERED]:
        text = text_of(query, [words[number].term for number in lacks])
        sessions, is_exact = lacking[lacks], covered.is_exact
        if len(words) - 1 in lacks:
            # The word that is last now may be the beginning of others.
            shorter = Coverage(connection, words_of(connection, parse(text).alternatives[0], filters), filters, deadline)
            sessions, is_exact = len(shorter.with_all()), shorter.is_exact
        if sessions:
            without = [words[number].term.text for number in sorted(lacks)]
            offered.append(Nearest(text, without, sessions, is_exact))
    return offered


def text_of(query: Query, without: list[Term]) -> str:
    """A query as a person types it, without some of its words."""
    alternatives = (" ".join(_typed(term) for term in terms if term not in without) for terms in query.alternatives)
    return " ".join([" or ".join(alternatives), *(_filter(each) for each in query.filters)]).strip()


def _typed(term: Term) -> str:
    return f"{'-' if term.is_excluded else ''}{_quoted(term.text) if term.kind == 'phrase' else term.text}"


def _filter(each: Filter) -> str:
    is_quoted = any(letter.isspace() for letter in each.value)
    return f"{'-' if each.is_excluded else ''}{each.name}:{_quoted(each.value) if is_quoted else each.value}"


def _quoted(text: str) -> str:
    return f'"{text}"'
