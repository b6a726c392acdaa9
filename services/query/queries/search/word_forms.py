"""Other forms of words, as `migrations` of `migration`: the words of the dictionary that have the same stem, as Postgres' English stemmer has it."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.query.database import Connection, fetch
from services.query.queries.search.document_conditions import sql
from services.query.queries.search.document_finder import within
from services.query.queries.search.query_language import Query, Term
from shared.document_words import folded

# With more matches or sessions than this, what was typed is enough.
FEW: Final = 10
# The most frequent of a word.
MOST_FORMS: Final = 6
# A shorter stem is the beginning of too many words.
LEAST_STEM_CHARS: Final = 3
TO_FIND_MS: Final = 200

# Of each word as it was typed, the forms of it that somebody or some output has.
Forms = Mapping[str, tuple[str, ...]]


class _Form(Struct, frozen=True):
    typed: str
    word: str


def forms_of(connection: Connection, query: Query) -> Forms | None:
    """The other forms of the query's plain words; none of phrases, of words with signs, and of what is excluded. None if there was no time."""
    typed = {term.text: folded(term.text) for terms in query.alternatives for term in terms if _has_forms(term)}
    asked = {"words": list(typed.values()), "least": LEAST_STEM_CHARS, "most": MOST_FORMS}
    found = within(connection, TO_FIND_MS, lambda: fetch(connection, _Form, sql("word_forms"), asked)) if typed else []
    if found is None:
        return None
    forms = {text: tuple(form.word for form in found if form.typed == word) for text, word in typed.items()}
    return {text: words for text, words in forms.items() if words}


def with_forms(query: Query, forms: Forms) -> Query:
    """The query in which a word may be one of its forms."""
    alternatives = tuple(tuple(replace(term, forms=forms.get(term.text, ())) for term in terms) for terms in query.alternatives)
    return replace(query, alternatives=alternatives)


def _has_forms(term: Term) -> bool:
    return term.kind == "word" and not term.is_excluded and not term.is_exact and term.text.isascii() and term.text.isalpha()
