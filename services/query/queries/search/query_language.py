"""The language of a typed search: words, "phrases", -not, or, and filters such as `project:shop` and `is:error`.

Any text is a query. A word before a colon that names no filter is text: `foo:bar` is looked for as it stands.
"""

import re
from collections.abc import Collection
from typing import Final, Literal

from msgspec import Struct

from services.query.answers.search import InterpretedTerm
from shared.document_words import phrase_query, query_lexemes, sign_lexemes
from shared.http.errors import invalid

# An error message is pasted whole.
MAX_TERMS: Final = 200
# Below this, the beginning of a word would match half of the dictionary.
MIN_PREFIX_CHARS: Final = 3

FILTERS: Final = frozenset(
    {"project", "user", "tool", "file", "branch", "role", "is", "kind", "before", "after", "machine", "session", "agent"}
)
Mode = Literal["words", "literal", "regex"]

_SPACE: Final = re.compile(r"\s+")
# One hyphen before a word excludes it; two are the beginning of an option such as --no-verify, and `->`, `-=` are signs of code.
_FILTER: Final = re.compile(r'(-(?![-=>]))?([A-Za-z]+):(?!//)(?:"([^"]*)"?|([^\s"]\S*))')
_TERM: Final = re.compile(r'(-(?![-=>]))?(?:"([^"]*)"?|(\S+))')
_WORD: Final = re.compile(r"\w+")
# A word with parts: my_func, useEffect.
_PARTS: Final = re.compile(r"\w_\w|[a-z0-9][A-Z]")
# What belongs to a typed word, unlike quotes and the marks of sentences: --force, /tmp, ~/.claude, @scope, C++, 100%.
_BEFORE_A_WORD, _BEHIND_A_WORD = "-/.~@#$%\\", "-/#%+"
# Two of these beside a word are meant: std::, main(), ->next.
_CODE_SYMBOLS: Final = "-:=<>&|+*/()[]{}"
_OPENING, _CLOSING = "([{", ")]}"


class Filter(Struct, frozen=True):
    """`name:value`, or with a hyphen before it the opposite."""

    name: str
    value: str
    is_excluded: bool


class Term(Struct, frozen=True):
    """One word or phrase.

    `lexemes` are quoted lexemes of a tsquery, the last perhaps with `:*`. `is_exact`: they do not tell all, `text` must be in the document.
    `phrase` is a tsquery for its words side by side, if it has several: it tells sooner than the text.
    """

    text: str
    kind: Literal["word", "phrase"]
    is_excluded: bool
    lexemes: tuple[str, ...]
    is_exact: bool
    phrase: str | None = None


class Query(Struct, frozen=True):
    """Alternatives, one of which must match, each with all of its terms; and filters. `is_text`: something was typed besides filters."""

    alternatives: tuple[tuple[Term, ...], ...]
    filters: tuple[Filter, ...]
    is_text: bool

    @property
    def highlights(self) -> tuple[str, ...]:
        """What is marked in a document."""
        return tuple(dict.fromkeys(term.text for terms in self.alternatives for term in terms if not term.is_excluded))


def parse(q: str, most_terms: int = MAX_TERMS, *, with_filters: bool = True) -> Query:
    """The words, phrases and filters of a text. 400 if it has too many. Without filters, `project:shop` is text too."""
    q = _storable(q)
    filters: list[Filter] = []
    typed: list[tuple[bool, str, bool]] = []
    for piece in _pieces(q, FILTERS if with_filters else frozenset()):
        if isinstance(piece, Filter):
            filters.append(piece)
        else:
            typed.append(piece)
    if len(typed) + len(filters) > most_terms:
        raise invalid("q", f"has more than {most_terms} terms; put words that belong together in quotes, or leave some out")
    alternatives: list[list[Term]] = [[]]
    for number, (is_excluded, text, is_phrase) in enumerate(typed, start=1):
        if text.lower() == "or" and not is_phrase and not is_excluded:
            alternatives.append([])
        elif term := _term(text, is_excluded=is_excluded, is_phrase=is_phrase, is_last=number == len(typed)):
            alternatives[-1].append(term)
    return Query(tuple(tuple(terms) for terms in alternatives if terms), tuple(filters), bool(typed))


def interpreted(query: Query) -> list[list[InterpretedTerm]]:
    """The alternatives as they are shown."""
    return [[InterpretedTerm(term.text, term.kind, term.is_excluded) for term in terms] for terms in query.alternatives]


def _pieces(q: str, filter_names: Collection[str]) -> list[Filter | tuple[bool, str, bool]]:
    pieces: list[Filter | tuple[bool, str, bool]] = []
    at = 0
    while at < len(q):
        if space := _SPACE.match(q, at):
            at = space.end()
            continue
        found = _FILTER.match(q, at)
        if found and found[2].lower() in filter_names and (value := found[3] or found[4]):
            pieces.append(Filter(found[2].lower(), value, bool(found[1])))
        else:
            found = _TERM.match(q, at)
            assert found, "a text that is no space is a term"
            if text := found[2] or found[3]:
                pieces.append((bool(found[1]), text, found[2] is not None))
        at = found.end()
    return pieces


def _term(text: str, *, is_excluded: bool, is_phrase: bool, is_last: bool) -> Term | None:
    """None if nothing of it is in the index, as of `!`."""
    shown = text.strip() if is_phrase else _without_marks(text)
    lexemes, symbols = query_lexemes(shown), sign_lexemes(shown)
    if not lexemes and not symbols:
        return None
    is_one_word = _WORD.fullmatch(shown) is not None and len(lexemes) == 1
    is_open = not is_phrase and len(lexemes) > 0 and (is_last or (is_one_word and _PARTS.search(shown) is not None))
    is_one_symbol = not lexemes and len(symbols) == 1 and len(shown) <= len(_unquoted(symbols[0]))
    is_beginning = is_open and shown[-1:].isalnum() and len(_unquoted(lexemes[-1])) >= MIN_PREFIX_CHARS
    if is_beginning:
        lexemes = (*lexemes[:-1], lexemes[-1] + ":*")
    phrase = phrase_query(shown, is_open=is_beginning)
    return Term(shown, "phrase" if is_phrase else "word", is_excluded, (*lexemes, *symbols), not (is_one_word or is_one_symbol), phrase)


def _without_marks(text: str) -> str:
    """A word as it was typed, without what is around it in a sentence."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    start, end = words[0].start(), words[-1].end()
    start = start - len(_last_of(text[:start]))
    return text[start : end + len(_first_of(text[start:], end - start))]


def _last_of(before: str) -> str:
    """What belongs to the word behind it."""
    kept = len(before) - len(before.rstrip(_BEFORE_A_WORD))
    symbols = len(before) - len(before.rstrip(_CODE_SYMBOLS))
    if symbols >= 2 and before[-1] not in _OPENING:
        kept = max(kept, symbols)
    return before[len(before) - kept :]


def _first_of(text: str, end: int) -> str:
    """What belongs to the word that ends here: marks of names, brackets that were opened in it or are open, symbols of code."""
    behind = text[end:]
    kept = len(behind) - len(behind.lstrip(_BEHIND_A_WORD))
    if kept == 0 and behind[:1] and behind[0] in _OPENING:
        kept = 1 + (behind[1:2] == _CLOSING[_OPENING.index(behind[0])])
    elif kept == 0 and behind[:1] and behind[0] in _CLOSING:
        opening = _OPENING[_CLOSING.index(behind[0])]
        kept = int(text[:end].count(opening) > text[:end].count(behind[0]))
    symbols = len(behind) - len(behind.lstrip(":=<>&|+-*/"))
    return behind[: max(kept, symbols if symbols >= 2 else 0)]


def _unquoted(lexeme: str) -> str:
    return lexeme[1:-1].replace("''", "'").replace("\\\\", "\\")


def _storable(text: str) -> str:
    """As ingest stores it: NUL and lone surrogates become U+FFFD."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
