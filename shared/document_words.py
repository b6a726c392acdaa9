"""The words of the search index: one rule for documents and for queries. Texts are cut by the compiled methods of `str` and `dict`.

Every word of a text is a lexeme, with all of its places. It is in one case and without accents. An identifier (useEffect, my_func) also gives its parts
and its tails at its place, so that any run of parts is the beginning of some lexeme. A script without spaces (CJK, Thai …) gives every character and
every pair of neighbours. Punctuation only separates. Signs are lexemes without places: pairs of neighbouring ASCII signs, and each other sign.
"""

import re
from collections import Counter
from functools import lru_cache
from itertools import chain, pairwise, repeat
from typing import Final
from unicodedata import category, normalize

from msgspec import Struct

MAX_CONTENT_CHARS: Final = 200_000
MAX_LEXEME_CHARS: Final = 64
# Letters of a part of a word that is looked for in the dictionary, whose index is of trigrams.
LEAST_PART_CHARS: Final = 3
# No text gives this lexeme. Documents have it that have letters which no lexeme has: behind the 64th of a word.
OVERLONG: Final = "' '"
_MAX_PARTS: Final = 12
# Limits of a tsvector: places up to 16,383, of a lexeme 255; lexemes and places together 1 MiB - 1 byte.
_MAX_PLACE: Final = 16_383
_MAX_PLACES: Final = 255
_MAX_VECTOR_BYTES: Final = 1_000_000
# A text this short cannot reach the byte limit: a character gives at most 26 bytes.
_SURELY_SMALL_CHARS: Final = 35_000

_SPACELESS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_SPACELESS_START: Final = re.compile(f"[{_SPACELESS}]")
# A word that follows a script without spaces is its own word.
_WORD: Final = re.compile(rf"[{_SPACELESS}]+|[^\W{_SPACELESS}]+")
_PART: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*(?![a-z])")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_ASCII: Final = "".join(map(chr, range(128)))
# Words alone, and signs alone: the rest are spaces.
_TO_WORDS: Final = str.maketrans(
    {sign: letter if letter.isalnum() or letter == "_" else " " for sign, letter in zip(_ASCII, _ASCII, strict=True)}
)
_TO_SIGNS: Final = str.maketrans({sign: " " if sign.isalnum() or sign == "_" or not sign.isprintable() else sign for sign in _ASCII})

# Letters that are written with accents, and what is written on them. A script whose marks are letters (kana, Thai, Devanagari) keeps them.
_ACCENTED: Final = re.compile(
    r"([A-Za-z\u00c0-\u02af\u0370-\u052f\u1d00-\u1dbf\u1e00-\u1fff\u2c60-\u2c7f\ua720-\ua7ff])[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff]+"
)
# Letters with a stroke, and without a dot, have no decomposition.
_STROKES: Final = str.maketrans("ØøŁłĐđĦħŦŧı", "OoLlDdHhTti")
_STROKED, _ACCENT = re.compile("[ØøŁłĐđĦħŦŧı]"), re.compile(r"[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff]")


class Words(Struct, frozen=True):
    """`vector` is the text form of a tsvector, e.g. `useeffect:3 use:3 effect:3`, within Postgres' limits. `whole` are the words, in one case.

    `has_places`: each lexeme has all of its places.
    """

    vector: str
    whole: frozenset[str]
    has_places: bool


def words_of(content: str) -> Words:
    """The words of a document."""
    text = unaccented(content[:MAX_CONTENT_CHARS])
    words = _cut(text)
    signs = " ".join(map(_quoted, _signs(text)))
    whole = frozenset(filter(None, map(_whole, set(words))))
    of_words = list(map(_lexemes, words))
    if len(text) > _SURELY_SMALL_CHARS and sum(map(len, map(str.encode, of_words))) + len(signs) > _MAX_VECTOR_BYTES:
        return Words(f"{_without_places(of_words)} {signs} {OVERLONG}", whole, False)
    placed = [
        f"{lexemes}{place}" if "\n" not in lexemes else lexemes.replace("\n", f"{place} ") + place
        for lexemes, place in zip(of_words, chain(_place_texts(), repeat(f":{_MAX_PLACE}")), strict=False)
    ]
    marks = [signs, OVERLONG] if max(map(len, whole), default=0) > MAX_LEXEME_CHARS else [signs]
    return Words(" ".join([*placed, *marks]), whole, _has_places(of_words))


def folded(text: str) -> str:
    """As the search index compares texts: NFKC, without case, Latin, Greek and Cyrillic letters without accents. Folding twice changes nothing."""
    return text.lower() if text.isascii() else unaccented(unaccented(text).casefold()).casefold()


def query_lexemes(text: str) -> tuple[str, ...]:
    """What each document has in which the words of `text` stand; each is a quoted lexeme of a tsquery, in their order.

    `useEffect` gives the whole word; `検索窓` its pairs. Append `:*` to one for all words that begin so. A text of signs gives none.
    """
    return tuple(dict.fromkeys(_quoted(lexeme) for word in _cut(unaccented(text)) for lexeme in _query_lexemes(word)))


def phrase_query(text: str, *, is_open: bool = False) -> str | None:
    """A tsquery for the words of `text` side by side; the last may be unfinished. None if it has fewer than two."""
    words = [" & ".join(map(_quoted, _query_lexemes(word))) for word in _cut(unaccented(text))]
    if len(words) < 2:
        return None
    last = f"{words[-1]}:*" if is_open and "&" not in words[-1] else words[-1]
    return " <-> ".join(f"({word})" for word in (*words[:-1], last))


def sign_lexemes(text: str) -> tuple[str, ...]:
    """What each document has in which the signs of `text` stand: `a => ✓` gives `'=>'` and `'✓'`. One ASCII sign gives none."""
    return tuple(map(_quoted, sorted(_signs(unaccented(text)))))


def _cut(text: str) -> list[str]:
    """The words of a text without accents, in its case."""
    if text.isascii():
        return text.translate(_TO_WORDS).split()
    if any(map(str.isalnum, set("".join(_NOT_ASCII.findall(text))))):
        return _WORD.findall(text)
    return text.encode("ascii", "replace").decode().translate(_TO_WORDS).split()


def _signs(text: str) -> set[str]:
    """Pairs of neighbouring ASCII signs, and each other sign alone: a single ASCII sign is in every other text."""
    ascii_only = text if text.isascii() else _NOT_ASCII.sub(" ", text)
    pairs = {left + right for run in set(ascii_only.translate(_TO_SIGNS).split()) if len(run) > 1 for left, right in pairwise(run)}
    if text.isascii():
        return pairs
    # Not what is unseen: joiners, variation selectors, marks of scripts, what is not assigned.
    return pairs | {sign for sign in set("".join(_NOT_ASCII.findall(text))) if category(sign)[0] in "PS"}


@lru_cache(maxsize=1)
def _place_texts() -> tuple[str, ...]:
    return tuple(f":{place}" for place in range(1, _MAX_PLACE))


def _has_places(of_words: list[str]) -> bool:
    """Whether Postgres keeps all places of each lexeme."""
    if len(of_words) <= _MAX_PLACES:
        return True
    counts = Counter(of_words)
    if len(of_words) >= _MAX_PLACE or max(counts.values()) > _MAX_PLACES:
        return False
    for lexemes in [lexemes for lexemes in counts if "\n" in lexemes]:
        for lexeme in lexemes.split("\n"):
            counts[lexeme] += counts[lexemes]
    return max(counts.values()) <= _MAX_PLACES


def _without_places(of_words: list[str]) -> str:
    """The lexemes met first, each once, as many as a tsvector can hold."""
    kept, size = list[str](), 0
    for lexeme in dict.fromkeys(lexeme for lexemes in dict.fromkeys(of_words) for lexeme in lexemes.split("\n")):
        size += len(lexeme.encode()) + 3
        if size > _MAX_VECTOR_BYTES // 2:
            break
        kept.append(lexeme)
    return " ".join(kept)


@lru_cache(maxsize=65_536)
def _lexemes(word: str) -> str:
    """A word as it is indexed, one lexeme a line: whole, its parts, its tails. useEffectOnce → useeffectonce, use, effect, once, effectonce.

    Of a script without spaces every character and every pair of neighbours: 検索窓 → 検, 索, 窓, 検索, 索窓.
    """
    if _SPACELESS_START.match(word):
        return "\n".join(dict.fromkeys((*word, *map("".join, pairwise(word)))))
    whole = word.casefold()[:MAX_LEXEME_CHARS]
    if word.isascii():
        spans = [match.span() for match in _PART.finditer(word[:MAX_LEXEME_CHARS])][:_MAX_PARTS]
        parts = [whole[start:end] for start, end in spans]
        tails = [whole[start:] for start, _ in spans]
    else:
        parts, tails = whole.split("_")[:_MAX_PARTS], []
    return "\n".join(dict.fromkeys(lexeme for lexeme in (whole, *parts, *tails) if lexeme))


@lru_cache(maxsize=65_536)
def _whole(word: str) -> str:
    """A word in one case, if parts of it are looked for by their letters; a character more than a lexeme has shows that it goes on."""
    return "" if len(word) < LEAST_PART_CHARS or _SPACELESS_START.match(word) else word.casefold()[: MAX_LEXEME_CHARS + 1]


def _query_lexemes(word: str) -> list[str]:
    if _SPACELESS_START.match(word):
        return list(map("".join, pairwise(word))) or [word]
    return [word.casefold()[:MAX_LEXEME_CHARS]]


def unaccented(text: str) -> str:
    """NFKC, and Latin, Greek and Cyrillic letters without accents."""
    if text.isascii():
        return text
    # Most texts have neither, and a look is ten times as fast as a replacement.
    apart = normalize("NFKD", text)
    if _ACCENT.search(apart):
        apart = _ACCENTED.sub(r"\1", apart)
    return normalize("NFKC", apart.translate(_STROKES) if _STROKED.search(apart) else apart)


def _quoted(text: str) -> str:
    """As a lexeme: `:*` too is a pair of signs, as in `**Note:** this`."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
