"""For a search that found nothing: which word to drop, and what is found without it."""

from collections.abc import Collection
from typing import Final

from services.query.answers.search import Nearest
from services.query.database import Connection
from services.query.queries.search.document_conditions import may_tell_frequencies
from services.query.queries.search.document_finder import Deadline
from services.query.queries.search.query_filters import Filters
from services.query.queries.search.query_language import Filter, Query, Term, parse
from services.query.queries.search.session_words import BUDGET_SECONDS, Coverage, words_of
from services.query.queries.search.word_forms import FEW, forms_of, with_forms

MOST_OFFERED: Final = 3


# Where others are not looked at, sessions have one of the rarest words.
_LEADING: Final = 2


def nearest(connection: Connection, query: Query, filters: Filters, *, corrects: bool) -> list[Nearest] | None:
    """Queries with fewer words that find sessions, the one that keeps the rarest words first; an empty list of a query with `or`.

    None if there was no time to find any. To a bound key no word is rare: how frequent it is would tell what others write.

    If the search corrects words, other forms of them do as well, as they will when one of these is asked.
    """
    if len(query.alternatives) != 1:
        return []
    forms = (forms_of(connection, query) or {}) if corrects else {}
    deadline = Deadline(BUDGET_SECONDS)
    words = words_of(connection, with_forms(query, forms).alternatives[0], filters)
    if len(words) < 2:
        return []
    covered = Coverage(connection, words, filters, deadline)
    tells = may_tell_frequencies(connection)
    lacking = covered.with_most(_LEADING if tells else len(words))
    least = {lacks: min((words[number].expected for number in lacks if tells), default=0) for lacks in lacking}
    best = sorted(lacking, key=lambda lacks: (-least[lacks], -lacking[lacks], sorted(lacks)))
    offered: list[Nearest] = []
    for lacks in best[:MOST_OFFERED]:
        text = text_of(query, {words[number].term.text for number in lacks})
        sessions, is_exact = lacking[lacks], covered.is_exact
        shorter = parse(text)
        if len(words) - 1 in lacks:
            # The word that is last now may be the beginning of others.
            sessions, is_exact = _number(connection, with_forms(shorter, forms), filters, deadline)
        if forms and sessions > FEW:
            as_typed, is_known = _number(connection, shorter, filters, deadline)
            if as_typed > FEW:
                # Then forms are not looked for.
                sessions, is_exact = as_typed, is_known
        if sessions:
            without = [words[number].term.text for number in sorted(lacks)]
            offered.append(Nearest(text, without, sessions, is_exact))
    return offered if offered or covered.is_exact else None


def _number(connection: Connection, query: Query, filters: Filters, deadline: Deadline) -> tuple[int, bool]:
    """How many sessions have all words, and whether that is exact."""
    covered = Coverage(connection, words_of(connection, query.alternatives[0], filters), filters, deadline)
    return len(covered.with_all()), covered.is_exact


def text_of(query: Query, without: Collection[str]) -> str:
    """A query as a person types it, without some of its words."""
    alternatives = (
        " ".join(_typed(term) for term in terms if term.is_excluded or term.text not in without) for terms in query.alternatives
    )
    return " ".join([" or ".join(alternatives), *(_filter(each) for each in query.filters)]).strip()


def _typed(term: Term) -> str:
    return f"{'-' if term.is_excluded else ''}{_quoted(term.text) if term.kind == 'phrase' else term.text}"


def _filter(each: Filter) -> str:
    is_quoted = any(letter.isspace() for letter in each.value)
    return f"{'-' if each.is_excluded else ''}{each.name}:{_quoted(each.value) if is_quoted else each.value}"


def _quoted(text: str) -> str:
    return f'"{text}"'
