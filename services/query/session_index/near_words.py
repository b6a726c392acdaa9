"""The word of the index that somebody meant who typed one that no session has."""

from typing import Final

from rapidfuzz.distance import OSA
from tantivy import Searcher

from services.query.session_index.fields import SPOKEN

# A shorter word is near to too many.
_LEAST_CHARS: Final = 4
# From so many characters on, two typing errors are taken for one word.
_LONG_CHARS: Final = 8


def near_word(searcher: Searcher, word: str) -> str | None:
    """The nearest of those words that were said; of several the one that most sessions have. Without digits: a number is not misspelt, it is another."""
    if len(word) < _LEAST_CHARS or not word.isalpha():
        return None
    farthest = 2 if len(word) >= _LONG_CHARS else 1
    best: tuple[int, int, str] | None = None
    # Seldom is the first letter wrong, but for two letters that changed places.
    for prefix in dict.fromkeys((word[0], word[1])):
        for part in SPOKEN:
            for near, sessions in searcher.terms_with_prefix(part, prefix):
                distance = OSA.distance(word, near, score_cutoff=farthest)
                if distance <= farthest and (best is None or (distance, -sessions, near) < best):
                    best = (distance, -sessions, near)
    return best[2] if best else None
