"""The words of the search index: one rule for documents and for queries. Texts are cut by the compiled methods of `str`, `bytes` and `dict`.

Every word of a text is a lexeme, with all of its places. It is in one case and without accents. An identifier (useEffect, my_func) also gives its parts
and its tails at its place, so that any run of parts is the beginning of some lexeme. A script without spaces (CJK, Thai …) gives every character and
every pair of neighbours. Punctuation only separates. Signs are lexemes without places: pairs of neighbouring ASCII signs, and each other sign.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
# About 10 MB.
_MAX_KEPT: Final = 65_536

SPACELESS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_SPACELESS_START: Final = re.compile(f"[{SPACELESS}]")
# A word that follows a script without spaces is its own word.
_WORD: Final = re.compile(rf"[{SPACELESS}]+|[^\W{SPACELESS}]+")
_PART: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*(?![a-z])")
_ASCII: Final = "".join(map(chr, range(128)))
# Of bytes of UTF-8: words alone, and signs alone. The rest are spaces, and so is what is not ASCII.
_TO_WORDS: Final = "".join(sign if sign.isalnum() or sign == "_" else " " for sign in _ASCII).encode() + b" " * 128
_TO_SIGNS: Final = (
    "".join(" " if sign.isalnum() or sign == "_" or not sign.isprintable() else sign for sign in _ASCII).encode() + b" " * 128
)

# Letters that are written with accents, and what is written on them. A script whose marks are letters (kana, Thai, Devanagari) keeps them.
_ACCENTED: Final = re.compile(
    r"([A-Za-z\u00c0-\u02af\u0370-\u052f\u1d00-\u1dbf\u1e00-\u1fff\u2c60-\u2c7f\ua720-\ua7ff])[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff]+"
)
# Letters with a stroke, and without a dot, have no decomposition.
_ACCENTS: Final = frozenset(map(chr, chain(range(0x300, 0x370), range(0x483, 0x488), range(0x1DC0, 0x1E00))))
_STROKED: Final = "ØøŁłĐđĦħŦŧı"
_STROKES: Final = str.maketrans(_STROKED, "OoLlDdHhTti")


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
    places = _places(_cut(text))
    signs = " ".join(map(_quoted, _signs(text)))
    whole = frozenset(map(_WHOLE.__getitem__, places)) - {""}
    if len(text) > _SURELY_SMALL_CHARS and _vector_bytes(places) + len(signs) > _MAX_VECTOR_BYTES:
        return Words(f"{_without_places(places)} {signs} {OVERLONG}", whole, False)
    lexemes = list(map(_LEXEMES.__getitem__, places))
    placed = map(str.replace, lexemes, repeat("\n"), map(",".join, places.values()))
    return Words(" ".join([*placed, signs]), whole, _has_places(lexemes, list(map(len, places.values()))))


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
    """The words of a text without accents, in its case. Most texts have signs at most that are not ASCII, and compiled methods are six times as fast."""
    # Python knows not every letter of these scripts that a newer Unicode has.
    if any(sign.isalnum() or _SPACELESS_START.match(sign) for sign in _not_ascii(text)):
        return _WORD.findall(text)
    return _bytes(text).translate(_TO_WORDS).decode().split()


def _signs(text: str) -> set[str]:
    """Pairs of neighbouring ASCII signs, and each other sign alone: a single ASCII sign is in every other text."""
    runs = set(_bytes(text).translate(_TO_SIGNS).decode().split())
    pairs = {left + right for run in runs if len(run) > 1 for left, right in pairwise(run)}
    # Not what is unseen: joiners, variation selectors, marks of scripts, what is not assigned.
    return pairs | {sign for sign in _not_ascii(text) if category(sign)[0] in "PS"}


def _not_ascii(text: str) -> set[str]:
    """The characters that are not ASCII, each once."""
    return set() if text.isascii() else set(_bytes(text).translate(None, _ASCII.encode()).decode(errors="surrogatepass"))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _places(words: Iterable[str]) -> Mapping[str, list[str]]:
    """Where each word stands: 1, 2, …; all behind the last place of a vector have that one. In the order in which they are met."""
    places = dict[str, list[str]]()
    for word, place in zip(words, chain(_place_texts(), repeat(str(_MAX_PLACE))), strict=False):
        # Most are met once: a default is made for each word.
        if word in places:
            places[word].append(place)
        else:
            places[word] = [place]
    return places


@lru_cache(maxsize=1)
def _place_texts() -> tuple[str, ...]:
    return tuple(map(str, range(1, _MAX_PLACE)))


def _has_places(lexemes: Sequence[str], counts: Sequence[int]) -> bool:
    """Whether Postgres keeps all places of each lexeme. Given each word's lexemes, and how often it stands."""
    if sum(counts) <= _MAX_PLACES:
        return True
    if sum(counts) >= _MAX_PLACE or max(counts) > _MAX_PLACES:
        return False
    # Words in another case have the same lexemes, and parts are words themselves.
    totals = dict[str, int]()
    for of_word, count in zip(lexemes, counts, strict=True):
        totals[of_word] = totals.get(of_word, 0) + count
    for of_word in [of_word for of_word in totals if " " in of_word]:
        for lexeme in of_word.removesuffix(f" {OVERLONG}").split(" "):
            totals[lexeme] = totals.get(lexeme, 0) + totals[of_word]
    return max(totals.values()) <= _MAX_PLACES


def _vector_bytes(places: Mapping[str, Collection[str]]) -> int:
    """At most so many bytes of lexemes and places: a place takes two."""
    entries = [(_LEXEMES[word], len(at)) for word, at in places.items()]
    return sum(len(lexemes.encode()) + 1 + lexemes.count("\n") * 2 * count for lexemes, count in entries)


def _without_places(words: Iterable[str]) -> str:
    """The lexemes met first, each once, as many as a tsvector can hold."""
    kept, size = list[str](), 0
    for lexeme in dict.fromkeys(lexeme for word in words for lexeme in _each_lexeme(word)):
        size += len(lexeme.encode()) + 3
        if size > _MAX_VECTOR_BYTES // 2:
            break
        kept.append(lexeme)
    return " ".join(kept)


def _lexemes(word: str) -> str:
    """A word as it is indexed: each of its lexemes followed by `:` and a line end, which stands for the places."""
    placed = " ".join([f"{lexeme}:\n" for lexeme in _each_lexeme(word)])
    return f"{placed} {OVERLONG}" if len(_whole(word)) > MAX_LEXEME_CHARS else placed


def _each_lexeme(word: str) -> Iterable[str]:
    """A word whole, its parts, its tails. useEffectOnce → useeffectonce, use, effect, once, effectonce.

    Of a script without spaces every character and every pair of neighbours: 検索窓 → 検, 索, 窓, 検索, 索窓.
    """
    if _SPACELESS_START.match(word):
        return dict.fromkeys((*word, *map("".join, pairwise(word))))
    whole = word.casefold()[:MAX_LEXEME_CHARS]
    if word.isascii():
        spans = [match.span() for match in _PART.finditer(word[:MAX_LEXEME_CHARS])][:_MAX_PARTS]
        parts = [whole[start:end] for start, end in spans]
        tails = [whole[start:] for start, _ in spans]
    else:
        parts, tails = whole.split("_")[:_MAX_PARTS], []
    return dict.fromkeys(lexeme for lexeme in (whole, *parts, *tails) if lexeme)


def _whole(word: str) -> str:
    """A word in one case, if parts of it are looked for by their letters; a character more than a lexeme has shows that it goes on."""
    return "" if len(word) < LEAST_PART_CHARS or _SPACELESS_START.match(word) else word.casefold()[: MAX_LEXEME_CHARS + 1]


class _Kept(dict[str, str]):
    """What a function makes of a word. Nearly all words have been met before, and this takes half of the time of `lru_cache`."""

    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, word: str) -> str:
        if len(self) >= _MAX_KEPT:
            self.clear()
        made = self[word] = self._make(word)
        return made


_LEXEMES: Final = _Kept(_lexemes)
_WHOLE: Final = _Kept(_whole)


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
    signs = _not_ascii(apart)
    if not signs.isdisjoint(_ACCENTS):
        apart = _ACCENTED.sub(r"\1", apart)
    return normalize("NFKC", apart if signs.isdisjoint(_STROKED) else apart.translate(_STROKES))


def _quoted(text: str) -> str:
    """As a lexeme: `:*` too is a pair of signs, as in `**Note:** this`."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
