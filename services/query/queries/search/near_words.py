"""Words that are near to a misspelt one, of those that people and Claude wrote."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.query.database import Connection, fetch
from services.query.queries.search.document_conditions import sql
from services.query.queries.search.query_language import Query, Term
from shared.document_words import folded, query_lexemes

LEAST_CHARS: Final = 4
# A longer word may have two wrong letters.
_TWO_WRONG_CHARS: Final = 7
_CANDIDATES: Final = 200


def corrected(connection: Connection, query: Query) -> tuple[Query, dict[str, str]]:
    """The query with each word that nobody wrote, in no form, replaced by the nearest that somebody did, and which they are."""
    found: dict[str, str] = {}
    alternatives = tuple(tuple(_corrected(connection, term, found) for term in terms) for terms in query.alternatives)
    return replace(query, alternatives=alternatives), found


def _corrected(connection: Connection, term: Term, found: dict[str, str]) -> Term:
    if term.kind == "phrase" or term.is_excluded or term.is_exact or term.forms or len(term.text) < LEAST_CHARS or not term.text.isalpha():
        return term
    near = nearest(connection, term.text)
    if near is None:
        return term
    found[term.text] = near
    return replaced(term, near)


def replaced(term: Term, word: str) -> Term:
    """Another word in the place of this one."""
    return Term(word, term.kind, term.is_excluded, query_lexemes(word), False)


class _Known(Struct, frozen=True):
    """A word, and in how many documents it is that people and Claude wrote."""

    word: str
    documents: int


def nearest(connection: Connection, word: str) -> str | None:
    """The known word with the fewest wrong letters, of those the most frequent; None if the word is known, or none is near."""
    typed = folded(word)
    known = fetch(connection, _Known, sql("near_words"), {"word": typed, "most": _CANDIDATES})
    if any(each.word == typed and each.documents > 0 for each in known):
        return None
    most = 2 if len(typed) >= _TWO_WRONG_CHARS else 1
    near = [(distance, -each.documents, each.word) for each in known if (distance := edits(typed, each.word)) <= most]
    return min(near)[2] if near else None


def edits(left: str, right: str) -> int:
    """How many letters must be added, left out, replaced, or swapped with their neighbour, to make one word of the other."""
    before, above = [0] * (len(right) + 1), list(range(len(right) + 1))
    for row, letter in enumerate(left, start=1):
        line = [row]
        for column, other in enumerate(right, start=1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]
