"""The word of the index that somebody meant who typed one that no session has."""

from typing import Final

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract
from tantivy import Searcher

from services.query.search_index.words.fields import SPOKEN

# A shorter word is near to too many.
_LEAST_CHARS: Final = 4
# From so many characters on, two typing errors are taken for one word.
_LONG_CHARS: Final = 8
# Words with the same first letter that are compared, the most frequent. Those with the same two letters are all read.
_MOST_WITH_ONE_LETTER: Final = 2_000
_MOST_WITH_TWO_LETTERS: Final = 20_000


def near_word(searcher: Searcher, word: str) -> str | None:
    """The nearest of those words that were said; of several the one that most sessions have. None for a number: it is not misspelt, it is another.

    Two letters that changed places are one error. The first letter is taken to be right, but for those two.
    """
    if len(word) < _LEAST_CHARS or not word.isalpha():
        return None
    farthest = 2 if len(word) >= _LONG_CHARS else 1
    sessions = _candidates(searcher, word)
    found = extract(word, list(sessions), scorer=OSA.distance, score_cutoff=farthest, limit=None)
    return min(found, key=lambda near: (near[1], -sessions[near[0]], near[0]))[0] if found else None


def _candidates(searcher: Searcher, word: str) -> dict[str, int]:
    """Words that begin so, and the number of sessions that have each."""
    sessions: dict[str, int] = {}
    for prefix, most in ((word[:2], _MOST_WITH_TWO_LETTERS), (word[1::-1], _MOST_WITH_TWO_LETTERS), (word[0], _MOST_WITH_ONE_LETTER)):
        for part in SPOKEN:
            for near, count in searcher.terms_with_prefix(part, prefix, limit=most):
                sessions[near] = max(count, sessions.get(near, 0))
    return sessions
