"""Words that tell nothing of what a question is about. They are left out where it has others."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_HIRAGANA: Final = re.compile("[\u3041-\u309f]{1,2}")
_LOOKED_AT_CHARS: Final = 1_000
_LEAST_GERMAN_WORDS: Final = 3


def is_stop_word(word: str) -> bool:
    """True if a word of the index is one of these, in English or German, or a pair of letters of Japanese grammar: names are written otherwise."""
    return word in _words("english") or word in _words("german") or _HIRAGANA.fullmatch(word) is not None


def is_german(text: str) -> bool:
    """True if the beginning of a text is in German, as its small words tell."""
    words = set(text[:_LOOKED_AT_CHARS].lower().split())
    german = len(words & _words("german"))
    return german >= _LEAST_GERMAN_WORDS and german > len(words & _words("english"))


@cache
def _words(language: str) -> frozenset[str]:
    return frozenset((files(__package__) / f"stop_words_{language}.txt").read_text(encoding="utf-8").split())
