"""The language of a typed search: words, "phrases", -not, or, and filters such as `project:shop` and `is:error`.

Any text is a query. A word before a colon that names no filter is text: `foo:bar` is looked for as it stands.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final, Literal
from unicodedata import category

from msgspec import Struct

from services.query.answers.search import InterpretedTerm
from services.query.search_index.words.text_words import is_overlong, query_signs, query_words
from shared.http.errors import invalid

MAX_TERMS: Final = 32
# Below this, the beginning of a word would match half of the dictionary.
MIN_PREFIX_CHARS: Final = 3
# Behind other words of a name, as in session_id, less is enough.
_MIN_ENDING_CHARS: Final = 2

FILTERS: Final = frozenset(
    {"project", "user", "tool", "file", "branch", "role", "is", "kind", "before", "after", "machine", "session", "agent"}
)
Mode = Literal["words", "literal", "regex"]

_SPACE: Final = re.compile(r"\s+")
# One hyphen before a word excludes it; two are the beginning of an option such as --no-verify, and `->`, `-=` are signs of code.
_FILTER: Final = re.compile(r'(-(?![-=>]))?([A-Za-z]+):(?!//)(?:"([^"]*)"?|([^\s"]\S*))')
_TERM: Final = re.compile(r'(-(?![-=>]))?(?:"([^"]*)"?|(\S+))')
_WORD: Final = re.compile(r"\w+")
# As the index cuts them.
_PLAIN_WORD: Final = re.compile(r"[^\W_]+")
# A word with parts: my_func, useEffect.
_PARTS: Final = re.compile(r"\w_\w|[a-z0-9][A-Z]")
# Signs that belong to a typed word, unlike quotes and the marks of sentences: --force, /tmp, ~/.claude, @scope, C++, 100%.
_BEFORE_A_WORD, _BEHIND_A_WORD = "-/.~@#$%\\", "-/#%+"
# Two of these beside a word are meant: std::, main(), ->next.
_CODE_SYMBOLS: Final = "-:=<>&|+*/()[]{}"
_OPENING, _CLOSING = "([{", ")]}"


class Filter(Struct, frozen=True):
    """`name:value`, or with a hyphen before it the opposite; and where it was typed."""

    name: str
    value: str
    is_excluded: bool
    start: int = 0
    end: int = 0


class Term(Struct, frozen=True):
    """One word or phrase, with its words and signs as the index has them. `start`, `end`: where it was typed.

    `is_beginning`: its last word may go on. `is_exact`: words and signs do not tell all, `text` must be in the document.
    """

    text: str
    kind: Literal["word", "phrase"]
    is_excluded: bool
    words: tuple[str, ...]
    signs: tuple[str, ...]
    is_beginning: bool
    is_exact: bool
    start: int = 0
    end: int = 0


class _Typed(Struct, frozen=True):
    """A word or phrase as it stands in the text."""

    text: str
    is_phrase: bool
    is_excluded: bool
    start: int
    end: int


class Query(Struct, frozen=True):
    """Alternatives, one of which must match, each with all of its terms; and filters. `is_text`: something was typed besides filters."""

    alternatives: tuple[tuple[Term, ...], ...]
    filters: tuple[Filter, ...]
    is_text: bool

    @property
    def highlights(self) -> tuple[str, ...]:
        """The words that are marked in a document."""
        return tuple(dict.fromkeys(term.text for terms in self.alternatives for term in terms if not term.is_excluded))


def parse(q: str, most_terms: int = MAX_TERMS, *, with_filters: bool = True) -> Query:
    """The words, phrases and filters of a text. Without filters, `project:shop` is text too, and too many terms are a 400.

    With filters, more words than that are a text that was pasted, such as an error message. Then nothing is a filter, and only its words count.
    """
    q = _storable(q)
    filters: list[Filter] = []
    typed: list[_Typed] = []
    for piece in _pieces(q, FILTERS if with_filters else frozenset()):
        if isinstance(piece, Filter):
            filters.append(piece)
        else:
            typed.append(piece)
    if len(filters) > most_terms or (len(typed) > most_terms and not with_filters):
        raise invalid("q", f"has more than {most_terms} terms; put words that belong together in quotes, or leave some out")
    if len(typed) > most_terms:
        filters, typed = [], list(_words_of_pasted(q))
    alternatives: list[list[Term]] = [[]]
    for number, each in enumerate(typed, start=1):
        if each.text.lower() == "or" and not each.is_phrase and not each.is_excluded:
            alternatives.append([])
        elif term := _term(each, is_last=number == len(typed)):
            alternatives[-1].append(term)
    return Query(tuple(tuple(terms) for terms in alternatives if terms), tuple(filters), bool(typed))


def interpreted(query: Query) -> list[list[InterpretedTerm]]:
    """The alternatives as they are shown."""
    return [
        [InterpretedTerm(term.text, term.kind, term.is_excluded, term.start, term.end) for term in terms] for terms in query.alternatives
    ]


def _pieces(q: str, filter_names: Collection[str]) -> list[Filter | _Typed]:
    pieces: list[Filter | _Typed] = []
    at = 0
    while at < len(q):
        if space := _SPACE.match(q, at):
            at = space.end()
            continue
        found = _FILTER.match(q, at)
        if found and found[2].lower() in filter_names and (value := found[3] or found[4]):
            pieces.append(Filter(found[2].lower(), value, bool(found[1]), at, found.end()))
        else:
            found = _TERM.match(q, at)
            assert found, "a text that is no space is a term"
            if text := found[2] or found[3]:
                pieces.append(_Typed(text, found[2] is not None, bool(found[1]), at, found.end()))
        at = found.end()
    return pieces


def _words_of_pasted(q: str) -> Iterator[_Typed]:
    """Each word once, but "or": the index alone tells which texts have all of them."""
    for word in {found[0]: found for found in _PLAIN_WORD.finditer(q) if found[0].lower() != "or"}.values():
        yield _Typed(word[0], False, False, word.start(), word.end())


def _term(typed: _Typed, *, is_last: bool) -> Term | None:
    """None if nothing of it is in the index, as of `!`."""
    shown = typed.text.strip() if typed.is_phrase else _without_marks(typed.text)
    words, signs = tuple(query_words(shown)), tuple(query_signs(shown))
    if not words and not signs:
        return None
    is_one_word = _PLAIN_WORD.fullmatch(shown) is not None and len(words) == 1 and not is_overlong(words[0])
    is_one_sign = not words and len(signs) == 1 and len(shown) <= len(signs[0])
    # A name with parts is looked for as it begins, wherever it stands.
    is_open = not typed.is_phrase and (is_last or (_WORD.fullmatch(shown) is not None and _PARTS.search(shown) is not None))
    least = MIN_PREFIX_CHARS if len(words) == 1 else _MIN_ENDING_CHARS
    is_beginning = is_open and len(words) > 0 and shown[-1:].isalnum() and len(words[-1]) >= least
    kind: Literal["word", "phrase"] = "phrase" if typed.is_phrase else "word"
    return Term(shown, kind, typed.is_excluded, words, signs, is_beginning, not (is_one_word or is_one_sign), typed.start, typed.end)


def _without_marks(text: str) -> str:
    """A word as it was typed, without what is around it in a sentence."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    start, end = words[0].start(), words[-1].end()
    # A vowel of another script, or an accent.
    while category(text[end : end + 1] or " ")[0] == "M":
        end += 1
    start = start - len(_last_of(text[:start]))
    return text[start : end + len(_first_of(text[start:], end - start))]


def _last_of(before: str) -> str:
    """The signs that belong to the word behind them."""
    kept = len(before) - len(before.rstrip(_BEFORE_A_WORD))
    symbols = len(before) - len(before.rstrip(_CODE_SYMBOLS))
    if symbols >= 2 and before[-1] not in _OPENING:
        kept = max(kept, symbols)
    return before[len(before) - kept :]


def _first_of(text: str, end: int) -> str:
    """The signs that belong to the word that ends here: marks of names, brackets that were opened in it or are open, symbols of code."""
    behind = text[end:]
    kept = len(behind) - len(behind.lstrip(_BEHIND_A_WORD))
    if kept == 0 and behind[:1] and behind[0] in _OPENING:
        kept = 1 + (behind[1:2] == _CLOSING[_OPENING.index(behind[0])])
    elif kept == 0 and behind[:1] and behind[0] in _CLOSING:
        opening = _OPENING[_CLOSING.index(behind[0])]
        kept = int(text[:end].count(opening) > text[:end].count(behind[0]))
    symbols = len(behind) - len(behind.lstrip(":=<>&|+-*/"))
    return behind[: max(kept, symbols if symbols >= 2 else 0)]


def _storable(text: str) -> str:
    """As ingest stores it: NUL and lone surrogates become U+FFFD."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
