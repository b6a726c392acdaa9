"""For a search that found nothing: which word to drop, and what is found without it."""

from typing import Final

from services.query.database import Connection, Row
from services.query.queries.search.document_finder import Deadline
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.query_language import Filter, Query, Term, parse
from services.query.queries.search.session_words import BUDGET_SECONDS, Coverage, words_of

MOST_OFFERED: Final = 3


def nearest(connection: Connection, query: Query, filters: Filters) -> list[Row]:
    """Queries with fewer words that find sessions, the one that keeps the rarest words first. None of a query with `or`."""
    if len(query.alternatives) != 1:
        return []
    deadline = Deadline(BUDGET_SECONDS)
    terms = query.alternatives[0]
    words = words_of(connection, terms, filters)
    if len(words) < 2:
        return []
    lacking = Coverage(connection, words, filters, deadline).with_most()
    expected = {number: word.expected for number, word in enumerate(words)}
    best = sorted(lacking, key=lambda lacks: (-min(expected[number] for number in lacks) if lacks else 0, -lacking[lacks], sorted(lacks)))
    offered = []
    for lacks in best[:MOST_OFFERED]:
        without = [words[number].term for number in sorted(lacks)]
        if (offer := _offer(connection, query, filters, without, deadline))["sessions"]:
            offered.append(offer)
    return offered


def _offer(connection: Connection, query: Query, filters: Filters, without: list[Term], deadline: Deadline) -> Row:
    """A query as it is typed, and what it finds: its last word may be unfinished now."""
    text = text_of(query, without)
    shorter = parse(text)
    covered = Coverage(connection, words_of(connection, shorter.alternatives[0], filters), filters, deadline)
    return {"q": text, "without": [term.text for term in without], "sessions": len(covered.with_all()), "is_exact": covered.is_exact}


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
