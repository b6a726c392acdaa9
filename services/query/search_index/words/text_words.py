"""Cuts the words of a text for the exact search: one rule for documents and for queries. Texts are cut by the compiled methods of `str` and `bytes`.

A word is a run of letters and digits, in one case and without accents. An identifier (useEffect) is a word, and has its parts and its tails beside, so that
any run of parts is the beginning of some word. Each character of a script without spaces (CJK, Thai …) is a word. Everything else separates. Signs are
indexed as well: pairs of neighbouring ASCII signs, and each other sign alone.
"""

import re
from collections.abc import Callable
from functools import cache
from itertools import filterfalse, pairwise
from typing import Final
from unicodedata import category, normalize

from msgspec import Struct
from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

# The index keeps words of fewer bytes.
LONGEST_WORD_BYTES: Final = 64
# Among the parts of names: there is a longer word. No word and no part is one.
OVERLONG: Final = "''"
# So much of a longer word is found, among the parts of names.
_BEGINNING_CHARS: Final = 63
_MAX_PARTS: Final = 12
# So many different characters of a text are replaced one after the other.
_MOST_REPLACED: Final = 24
# About 10 MB.
_MAX_KEPT: Final = 65_536

SPACELESS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_SPACELESS_RUN: Final = re.compile(f"[{SPACELESS}]+")
_PART: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*(?![a-z])")
_ASCII: Final = "".join(map(chr, range(128)))
# Beside a letter, it may be of the same word.
_NEIGHBOUR: Final = r"[0-9A-Za-z\x80-\U0010ffff]"
# Maps bytes of UTF-8 to words alone, and to signs alone. The rest are spaces, and so is what is not ASCII.
_TO_WORDS: Final = "".join(sign if sign.isalnum() else " " for sign in _ASCII).encode() + b" " * 128
# Maps bytes that may be of one word to the same letter: a search for many of it finds whether there is a long word.
_TO_RUNS: Final = "".join("x" if sign.isalnum() else " " for sign in _ASCII).encode() + b"x" * 128
_LONG_RUN: Final = b"x" * LONGEST_WORD_BYTES
_TO_SIGNS: Final = "".join(" " if sign.isalnum() or not sign.isprintable() else sign for sign in _ASCII).encode() + b" " * 128

# Letters that are written with accents, and what is written on them. A script whose marks are letters (kana, Thai, Devanagari) keeps them.
_ACCENTED: Final = re.compile(
    r"([A-Za-z\u00c0-\u02af\u0370-\u052f\u1d00-\u1dbf\u1e00-\u1fff\u2c60-\u2c7f\ua720-\ua7ff])[\u0300-\u036f\u0483-\u0487\u1dc0-\u1dff]+"
)
# Letters with a stroke, and without a dot, have no decomposition.
_STROKES: Final = str.maketrans("ØøŁłĐđĦħŦŧı", "OoLlDdHhTti")


class TextWords(Struct, frozen=True):
    """Given to the index: a text that it cuts at all that is no letter or digit, and parts of names and signs, separated by spaces."""

    text: str
    name_parts: str
    signs: str


def words_of(content: str) -> TextWords:
    """The words of a text."""
    plain = unaccented(content)
    words = set(_bytes(plain).translate(_TO_WORDS).decode().split())
    text = plain if plain.isascii() else _with_spaces(_in_one_case(plain))
    # Most words are in lower case or have been met before.
    parts = set[str]().union(*map(_PARTS.__getitem__, filterfalse(str.islower, words)))
    if long := _overlong(text):
        parts |= {OVERLONG, *map(beginning_of, long)}
    return TextWords(text, " ".join(parts), " ".join(_signs(plain)))


def query_words(text: str) -> list[str]:
    """The words of a query as they are in texts, each at its place."""
    return _analyzer().analyze(_with_spaces(folded(text)))


def is_overlong(word: str) -> bool:
    """The index has only the beginning of such a word, among the parts of names."""
    return len(word.encode()) >= LONGEST_WORD_BYTES


def beginning_of(word: str) -> str:
    """The part of an overlong word that the index has."""
    return word[:_BEGINNING_CHARS]


def query_signs(text: str) -> list[str]:
    """The signs that each text has in which this one stands: `a => ✓` gives `=>` and `✓`. One ASCII sign gives none."""
    return sorted(_signs(unaccented(text)))


def has_word(content: str, word: str, *, is_beginning: bool) -> bool:
    """True if the index finds the text by this word, or by this beginning of one."""
    text = folded(content)
    if beginning_of(word) not in text:
        return False
    edge = "" if is_beginning else f"(?!{_NEIGHBOUR})"
    if re.search(f"(?<!{_NEIGHBOUR}){re.escape(word)}{edge}", text):
        return True
    words = words_of(content)
    given = [*_analyzer().analyze(words.text), *words.name_parts.split()]
    return any(each.startswith(word) for each in given) if is_beginning else word in given


def has_sign(content: str, sign: str) -> bool:
    """True if the index finds the text by this sign."""
    return sign in _signs(unaccented(content))


def folded(text: str) -> str:
    """As texts are compared: NFKC, without case, Latin, Greek and Cyrillic letters without accents. Folding twice changes nothing."""
    return text.lower() if text.isascii() else _in_one_case(unaccented(text)).lower()


def unaccented(text: str) -> str:
    """NFKC, and Latin, Greek and Cyrillic letters without accents."""
    return text if text.isascii() else _replaced(text, _PLAIN, _unaccented)


def _in_one_case(plain: str) -> str:
    """For a text without accents. Letters that the index itself makes small may stay large."""
    return plain if plain.isascii() else _replaced(plain, _FOLDED, _casefolded)


def _replaced(text: str, of_characters: "_OfCharacters", of_text: Callable[[str], str]) -> str:
    """Returns what a function makes of a text. Most texts have few characters that change, and none that changes with its neighbours: that is ten times as fast."""
    changes = [(character, made) for character in _not_ascii(text) if (made := of_characters[character]) != character]
    if len(changes) > _MOST_REPLACED or any(made is None for _, made in changes):
        return of_text(text)
    for character, made in changes:
        text = text.replace(character, made or "")
    return text


def _unaccented(text: str) -> str:
    apart = _ACCENTED.sub(r"\1", normalize("NFKD", text))
    return normalize("NFKC", apart.translate(_STROKES))


def _casefolded(plain: str) -> str:
    return _unaccented(plain.casefold()).casefold()


def _with_spaces(text: str) -> str:
    """The characters of scripts without spaces apart from each other."""
    return _SPACELESS_RUN.sub(lambda run: f" {' '.join(run[0])} ", text)


def _signs(plain: str) -> set[str]:
    """Pairs of neighbouring ASCII signs, and each other sign alone: a single ASCII sign is in every other text."""
    runs = set(_bytes(plain).translate(_TO_SIGNS).decode().split())
    pairs = {left + right for run in runs if len(run) > 1 for left, right in pairwise(run)}
    # Not what is unseen: joiners, variation selectors, marks of scripts, what is not assigned.
    return pairs | {sign for sign in _not_ascii(plain) if category(sign)[0] in "PS"}


def _overlong(text: str) -> list[str]:
    """The words of a text that the index does not keep. The engine knows letters of all scripts: it cuts the few texts that may have one."""
    if _LONG_RUN not in _bytes(text).translate(_TO_RUNS):
        return []
    return [word for word in _analyzer().analyze(text) if is_overlong(word)]


def _not_ascii(text: str) -> set[str]:
    """The characters that are not ASCII, each once."""
    return set() if text.isascii() else set(_bytes(text).translate(None, _ASCII.encode()).decode(errors="surrogatepass"))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


@cache
def _analyzer() -> TextAnalyzer:
    """As the index cuts texts; it also gives what is too long."""
    return TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase()).build()


class _OfCharacters(dict[str, str | None]):
    """For each character what a function makes of it; None if that depends on its neighbours."""

    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, character: str) -> str | None:
        first = normalize("NFKD", character)[0]
        # Accents and other marks, and parts of Hangul syllables behind the first.
        joins = category(first)[0] == "M" or "\u1160" <= first <= "\u11ff"
        made = self[character] = None if joins else self._make(character)
        return made


_PLAIN: Final = _OfCharacters(_unaccented)
_FOLDED: Final = _OfCharacters(_casefolded)


class _Parts(dict[str, tuple[str, ...]]):
    """The parts and tails of names. useEffectOnce → use, effect, once, effectonce. Nearly all names have been met before."""

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= _MAX_KEPT:
            self.clear()
        whole = word.lower()[:LONGEST_WORD_BYTES]
        spans = [match.span() for match in _PART.finditer(word[:LONGEST_WORD_BYTES])][:_MAX_PARTS]
        parts = [whole[start:end] for start, end in spans] + [whole[start:] for start, _ in spans]
        made = self[word] = tuple(part for part in dict.fromkeys(parts) if part != whole)
        return made


_PARTS: Final = _Parts()
