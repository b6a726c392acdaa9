"""Words that are searched besides those that were typed, or instead of them. A cursor has them, so that the next page goes on with the same."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from services.query.queries.search import near_words
from services.query.queries.search.query_language import Query, Term
from services.query.queries.search.word_forms import Forms, with_forms

# Before each form in the text of a cursor; no word has it.
_FORM: Final = "+"


class Changed(Struct, frozen=True):
    """`corrected`: near words instead of those that nobody wrote. `forms`: other forms of words, which do as well."""

    corrected: dict[str, str]
    forms: Forms

    @property
    def text(self) -> str:
        """As it stands in a cursor: each word that was typed, then what is searched."""
        forms = {typed: "".join(_FORM + form for form in words) for typed, words in self.forms.items()}
        return " ".join(word for pair in (self.corrected | forms).items() for word in pair)


NOTHING: Final = Changed({}, {})


def of_text(text: str) -> Changed:
    """What a cursor has."""
    pairs: Iterable[tuple[str, str]] = list(zip(*[iter(text.split())] * 2, strict=False))
    return Changed(
        {typed: word for typed, word in pairs if not word.startswith(_FORM)},
        {typed: tuple(words[1:].split(_FORM)) for typed, words in pairs if words.startswith(_FORM)},
    )


def changed(query: Query, change: Changed) -> Query:
    """The query that is searched."""

    def of(term: Term) -> Term:
        return near_words.replaced(term, change.corrected[term.text]) if term.text in change.corrected else term

    return with_forms(replace(query, alternatives=tuple(tuple(map(of, terms)) for terms in query.alternatives)), change.forms)
