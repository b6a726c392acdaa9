"""The words of the search index: of a text (`search_vector`, stored in `search_documents.terms`) and of a typed query (`query_lexemes`).

Every word of a text is a lexeme, without case and accents. An identifier (useEffect, my_func) also gives its parts and its tails, so that any run
of parts is the beginning of some lexeme. A script without spaces (CJK, Thai …) gives every character and every pair of neighbours. Pairs of
symbols and of neighbouring words are lexemes too. Other punctuation only separates: a path or a dotted name is found by its words plus a look at
the text itself.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain, pairwise, repeat
from unicodedata import category, normalize
from zlib import crc32

MAX_CONTENT_CHARS = 200_000
MAX_LEXEME_CHARS = 64

# Limits of a tsvector: positions end at 16,383, lexemes and positions together at 1 MiB - 1 byte. The rank hardly looks beyond
# the first few positions of a lexeme, so few are kept.
_MAX_POSITION = 16_383
_ENOUGH_POSITIONS_CHARS = 48
_MAX_VECTOR_BYTES = 1_000_000
# Of one pair of neighbours.
_PAIR_BYTES = 4
# A text this short cannot reach the byte limit: a character gives at most 26 bytes.
_SURELY_SMALL_CHARS = 40_000
_MAX_PARTS = 12

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_ASCII_TOKEN = re.compile(r"(\w{1,64})\w*")
# The rest of a word that is too long belongs to no token; a word that follows a script without spaces is its own token.
_TOKEN = re.compile(rf"([{_SPACELESS}]+|[^\W{_SPACELESS}]{{1,64}})(?:(?<![{_SPACELESS}])[^\W{_SPACELESS}]+)?")
_PART = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*(?![a-z])")

# Letters that are written with accents, and what is written on them. A script whose marks are letters (kana, Thai, Devanagari) keeps them.
_ACCENTED = re.compile(
    r"([A-Za-z\u00c0-\u02af\u0370-\u052f\u1d00-\u1dbf\u1e00-\u1fff\u2c60-\u2c7f\ua720-\ua7ff])[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff]+"
)
# Letters with a stroke, and without a dot, have no decomposition.
_STROKES = str.maketrans("ØøŁłĐđĦħŦŧı", "OoLlDdHhTti")
_STROKED, _ACCENT = re.compile("[ØøŁłĐđĦħŦŧı]"), re.compile(r"[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff]")
_SYMBOL_RUN = re.compile(r"[^\w\s]+")
_ASCII_SYMBOLS = re.compile(r"[!-/:-@\[-^`{-~]{2,}")
# Frequent words are short. Pairs of all words would make the index half as large again (docs/adr/0062-neighbouring-words-are-lexemes.md).
_MAX_NEIGHBOUR_CHARS = 8
# A pair of neighbours is one of so many lexemes: a mark and three characters, quoted. Few pairs have the same, and no word or symbols are like it.
_PAIRS, _PAIR_CODES = 1 << 18, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"
_PAIR_HEADS = [f"'~{first}{second}" for first in _PAIR_CODES for second in _PAIR_CODES]
_PAIR_TAILS = [f"{third}'" for third in _PAIR_CODES]


def document_vector(content: str, max_bytes: int = _MAX_VECTOR_BYTES) -> str:
    """The words of `content` as text of a tsvector, e.g. `'useeffect':3 'use':3 'effect':3`; always within Postgres' limits."""
    text = content[:MAX_CONTENT_CHARS]
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


def search_vector(content: str) -> str:
    """The text form of the tsvector of a document of the search index: words without accents, with positions; symbols and neighbours without."""
    text = _unaccented(content[:MAX_CONTENT_CHARS])
    pairs = neighbour_lexemes(text)
    words = document_vector(text, _MAX_VECTOR_BYTES - _PAIR_BYTES * len(pairs))
    return " ".join([words, *sorted(map(_as_lexeme, _symbols(text))), *pairs])


def folded(text: str) -> str:
    """As the search index compares texts: NFKC, without case, Latin, Greek and Cyrillic letters without accents. Folding twice changes nothing."""
    return text.lower() if text.isascii() else _unaccented(_unaccented(text).casefold()).casefold()


def query_lexemes(text: str) -> tuple[str, ...]:
    """What `search_vector` has of each document in which the words of `text` stand; each is a quoted lexeme of a tsquery, in their order.

    `useEffect` gives the whole word; `検索窓` its pairs. Append `:*` to one for all words that begin so. A text of symbols gives none.
    """
    tokens = _TOKEN.findall(_unaccented(text))
    return tuple(dict.fromkeys(_quoted(lexeme) for token in tokens for lexeme in _query_lexemes(token)))


def neighbour_lexemes(text: str) -> tuple[str, ...]:
    """Lexemes of the neighbouring words of a text, which `search_vector` has of each document in which these words follow each other.

    Words of letters alone, of up to 8, since others are rare enough by themselves. The index of words does not know which words are neighbours,
    and to look for that in the text of each document that has `in`, `the` and `file` takes seconds. Two pairs may have the same lexeme, so the
    text of a match must be looked at.
    """
    text = _unaccented(text).casefold()
    codes = map(_word_code, (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text))
    pairs = {left * 31 + right & _PAIRS - 1 for left, right in pairwise(codes) if left and right}
    return tuple([_PAIR_HEADS[pair >> 6] + _PAIR_TAILS[pair & 63] for pair in sorted(pairs)])


@lru_cache(maxsize=16_384)
def _word_code(word: str) -> int:
    """A number for a word of letters alone; 0 for others. Always the same: it is stored."""
    return crc32(word.encode()) | _PAIRS if len(word) <= _MAX_NEIGHBOUR_CHARS and word.isalpha() else 0


def symbol_lexemes(text: str) -> tuple[str, ...]:
    """What `search_vector` has of each document in which the symbols of `text` stand: `a => ✓` gives `'=>'` and `'✓'`. One ASCII symbol gives none."""
    return tuple(map(_as_lexeme, sorted(_symbols(_unaccented(text)))))


def _unaccented(text: str) -> str:
    if text.isascii():
        return text
    # Most texts have neither, and a look is ten times as fast as a replacement.
    apart = normalize("NFKD", text)
    if _ACCENT.search(apart):
        apart = _ACCENTED.sub(r"\1", apart)
    return normalize("NFKC", apart.translate(_STROKES) if _STROKED.search(apart) else apart)


def _symbols(text: str) -> set[str]:
    """Pairs of neighbouring ASCII symbols, and each other symbol alone: a single ASCII symbol is in every other text."""
    pairs = {left + right for run in set(_ASCII_SYMBOLS.findall(text)) for left, right in pairwise(run)}
    if text.isascii():
        return pairs
    # Not what is unseen: joiners, variation selectors, marks of scripts, what is not assigned.
    others = {symbol for symbol in set("".join(_SYMBOL_RUN.findall(text))) if not symbol.isascii()}
    return pairs | {symbol for symbol in others if category(symbol)[0] in "PS"}


@lru_cache(maxsize=1)
def _position_texts() -> tuple[str, ...]:
    return tuple(f",{position}" for position in range(1, _MAX_POSITION))


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
    return _as_lexeme(word) + star


def _as_lexeme(text: str) -> str:
    """A text as a lexeme: `:*` too is a pair of symbols, as in `**Note:** this`."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def escape_like(text: str) -> str:
    """For a LIKE that means the text itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
