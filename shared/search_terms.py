"""The search terms of texts: the worker makes `messages.terms` from them, the query service turns a typed query into a tsquery.

Every word of a text is a lexeme, case-folded. An identifier (useEffect, my_func) also gives its parts and its tails, so that any run
of parts is the beginning of some lexeme. A script without spaces (CJK, Thai …) gives every character and every pair of neighbours.
Punctuation only separates: a path or a dotted name is found by its words plus a look at the text itself (`Group.literals`).

The search index has words of its own (document_words.py).
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain, pairwise, repeat
from unicodedata import normalize

from msgspec import Struct

MAX_CONTENT_CHARS = 200_000
MAX_LEXEME_CHARS = 64
MAX_QUERY_CHARS = 256
MAX_QUERY_TERMS = 16

# Limits of a tsvector: positions end at 16,383, lexemes and positions together at 1 MiB - 1 byte. The rank hardly looks beyond
# the first few positions of a lexeme, so few are kept.
_MAX_POSITION = 16_383
_ENOUGH_POSITIONS_CHARS = 48
_MAX_VECTOR_BYTES = 1_000_000
# A text this short cannot reach the byte limit: a character gives at most 26 bytes.
_SURELY_SMALL_CHARS = 40_000
_MAX_PARTS = 12
# Below this, a prefix would match half of the dictionary.
_MIN_PREFIX_CHARS = 3

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_ASCII_TOKEN = re.compile(r"(\w{1,64})\w*")
# The rest of a word that is too long belongs to no token; a word that follows a script without spaces is its own token.
_TOKEN = re.compile(rf"([{_SPACELESS}]+|[^\W{_SPACELESS}]{{1,64}})(?:(?<![{_SPACELESS}])[^\W{_SPACELESS}]+)?")
_PART = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*(?![a-z])")
# One hyphen before a word excludes it; two are the beginning of an option such as --no-verify.
_QUERY_TERM = re.compile(r'(-(?!-))?(?:"([^"]*)"?|(\S+))')
# Characters that belong to a typed word, unlike quotes, brackets and the marks of sentences: --force, /tmp, ~/.claude, @scope, C++, 100%.
_BEFORE_A_WORD, _BEHIND_A_WORD = "-/.~@#$%\\", "-/#%+"


class Group(Struct, frozen=True):
    """One alternative of a query: `tsquery` must match. All `literals` must be in the text and no `excluded` text, in any letter case.

    `tsquery` is None where nothing of the alternative is indexed, like in `-"a b"`.
    """

    tsquery: str | None
    literals: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class SearchQuery(Struct, frozen=True):
    """A parsed query: alternatives, and the texts to highlight. One alternative must match; without alternatives nothing can match.

    A match is ranked by the `words` that it has, each a tsquery, and, if alternatives have several, by how near they are: `together`.
    """

    groups: tuple[Group, ...]
    highlights: tuple[str, ...]
    terms: int
    words: tuple[str, ...]
    together: str | None


def document_vector(content: str, max_bytes: int = _MAX_VECTOR_BYTES) -> str:
    """The text form of the tsvector of `content`, e.g. `'useeffect':3 'use':3 'effect':3`; always within Postgres' limits."""
    text = _normal(content[:MAX_CONTENT_CHARS])[:MAX_CONTENT_CHARS]
    tokens = (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)
    lexemes_of: Callable[[str], Iterable[str]] = _lexemes if text.isascii() else _lexemes_or_characters
    # Positions are kept as text, ",3,17", since text is what comes out.
    of_token: dict[str, str] = {}
    for token, at in zip(tokens, chain(_position_texts(), repeat(f",{_MAX_POSITION}")), strict=False):
        seen = of_token.get(token)
        if seen is None:
            of_token[token] = at
        elif len(seen) < _ENOUGH_POSITIONS_CHARS:
            of_token[token] = seen + at
    of_lexeme: dict[str, str] = {}
    for token, seen in of_token.items():
        for lexeme in lexemes_of(token):
            before = of_lexeme.get(lexeme)
            if before is None:
                of_lexeme[lexeme] = seen
            elif len(before) < _ENOUGH_POSITIONS_CHARS:
                of_lexeme[lexeme] = before + seen
    if len(text) > _SURELY_SMALL_CHARS:
        of_lexeme = _within_limit(of_lexeme, max_bytes)
    return " ".join([f"'{lexeme}':{seen[1:]}" for lexeme, seen in of_lexeme.items()])


@lru_cache(maxsize=1)
def _position_texts() -> tuple[str, ...]:
    return tuple(f",{position}" for position in range(1, _MAX_POSITION))


def parse_query(q: str) -> SearchQuery:
    """Words (all must match; the last also as a beginning), "a phrase", -not, or. Takes any text, raises nothing.

    The caller refuses more than MAX_QUERY_CHARS characters or MAX_QUERY_TERMS terms.
    """
    found = _QUERY_TERM.findall(_storable(q))
    alternatives: list[list[_Term]] = [[]]
    highlights: list[str] = []
    for number, (minus, phrase, word) in enumerate(found, start=1):
        if word.lower() == "or" and not minus:
            alternatives.append([])
            continue
        term = _term(phrase or word, negated=bool(minus), quoted=bool(phrase), last=number == len(found))
        if term is not None:
            alternatives[-1].append(term)
            highlights += [] if minus else [term.text]
    wanted = [dict.fromkeys(lexeme for term in terms if not term.negated for lexeme in term.lexemes) for terms in alternatives]
    together = " | ".join(f"({' & '.join(words)})" for words in wanted if len(words) > 1)
    return SearchQuery(
        groups=tuple(_group(terms) for terms in alternatives if terms),
        highlights=tuple(dict.fromkeys(highlights)),
        terms=len(found),
        words=tuple(dict.fromkeys(word for words in wanted for word in words)),
        together=together or None,
    )


class _Term(Struct):
    text: str
    lexemes: list[str]
    negated: bool
    literal: bool


def _term(text: str, *, negated: bool, quoted: bool, last: bool) -> _Term | None:
    """One word or phrase as lexemes of a tsquery; None if no part of it is indexed.

    A word that directly follows a script without spaces is looked for in the text alone: older rows do not have it in their terms.
    """
    tokens = _TOKEN.findall(_normal(text))
    if not tokens:
        return None
    indexed = [token for before, token in pairwise(["", *tokens]) if not (before + token in _normal(text) and _is_spaceless(before))]
    lexemes = [lexeme for token in indexed for lexeme in _query_lexemes(token)]
    # A word typed last is perhaps not finished, and a part of an identifier is the beginning of one of its tails.
    open_ended = not quoted and (last or (len(tokens) == 1 and _is_identifier(tokens[0])))
    if open_ended and len(lexemes[-1]) >= _MIN_PREFIX_CHARS and not _is_spaceless(indexed[-1]):
        lexemes[-1] += ":*"
    literal = text.strip() if quoted else _without_marks(text)
    is_more_than_its_word = len(lexemes) > 1 or _TOKEN.fullmatch(_normal(literal)) is None
    return _Term(literal, [_quoted(lexeme) for lexeme in lexemes], negated, literal=is_more_than_its_word)


def _without_marks(text: str) -> str:
    """A word as it was typed, without what is around it in a sentence."""
    # Cut from what was typed, not from its normal form: the stored text is as it was written.
    spans = [match.span() for match in _TOKEN.finditer(text)] or [(0, len(text))]
    start, end = spans[0][0], spans[-1][1]
    while start > 0 and text[start - 1] in _BEFORE_A_WORD:
        start -= 1
    while end < len(text) and text[end] in _BEHIND_A_WORD:
        end += 1
    return text[start:end]


def _group(terms: list[_Term]) -> Group:
    wanted = [lexeme for term in terms if not term.negated for lexeme in term.lexemes]
    unwanted = [f"!{term.lexemes[0]}" for term in terms if term.negated and not term.literal]
    literals = tuple(term.text for term in terms if term.literal and not term.negated)
    excluded = tuple(term.text for term in terms if term.literal and term.negated)
    tsquery = " & ".join(dict.fromkeys(wanted + unwanted)) or None
    return Group(tsquery, literals, excluded)


def _normal(text: str) -> str:
    return text if text.isascii() else normalize("NFKC", text)


def _storable(text: str) -> str:
    """As ingest stores it: NUL and lone surrogates become U+FFFD."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@lru_cache(maxsize=16_384)
def _lexemes(token: str) -> tuple[str, ...]:
    """A word as it is indexed: whole, its parts, its tails. useEffectOnce → useeffectonce, use, effect, once, effectonce."""
    folded = token.casefold()[:MAX_LEXEME_CHARS]
    if token.isascii():
        spans = [match.span() for match in _PART.finditer(token)][:_MAX_PARTS]
        parts = [folded[start:end] for start, end in spans]
        tails = [folded[start:] for start, _ in spans]
    else:
        parts = folded.split("_")[:_MAX_PARTS]
        tails = []
    return tuple(dict.fromkeys(lexeme for lexeme in (folded, *parts, *tails) if lexeme))


def _is_spaceless(token: str) -> bool:
    return _SPACELESS_START.match(token) is not None


_SPACELESS_START = re.compile(f"[{_SPACELESS}]")


def _lexemes_or_characters(token: str) -> Iterable[str]:
    return _spaceless_lexemes(token) if token[0] >= "\u0e00" and _is_spaceless(token) else _lexemes(token)


def _spaceless_lexemes(run: str) -> list[str]:
    """Every character and every pair of neighbours. 検索窓 → 検, 索, 窓, 検索, 索窓."""
    return [*run, *map("".join, pairwise(run))]


def _query_lexemes(token: str) -> list[str]:
    if not _is_spaceless(token):
        return [token.casefold()[:MAX_LEXEME_CHARS]]
    return list(map("".join, pairwise(token))) or [token]


def _is_identifier(token: str) -> bool:
    return len(_lexemes(token)) > 1


def _within_limit(of_lexeme: dict[str, str], max_bytes: int) -> dict[str, str]:
    """The lexemes met first, as many as a tsvector can hold."""
    kept: dict[str, str] = {}
    size = 0
    for lexeme, seen in of_lexeme.items():
        # Two bytes a position, two for their count, one to align.
        size += len(lexeme.encode()) + 2 * seen.count(",") + 3
        if size > max_bytes:
            break
        kept[lexeme] = seen
    return kept


def _quoted(lexeme: str) -> str:
    word, star, _ = lexeme.partition(":*")
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'" + star


def escape_like(text: str) -> str:
    """For a LIKE that means the text itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
