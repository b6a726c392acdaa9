"""Words that developers use for the same thing. A person who remembers a session seldom remembers which of them was said."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from services.query.search_index.words.fields import stem_of


def synonyms_of(stem: str) -> frozenset[str]:
    """The English stems of words that may be meant by one with this stem."""
    return _synonyms().get(stem, frozenset())


@cache
def _synonyms() -> Mapping[str, frozenset[str]]:
    """Each line of the list has words that stand for each other."""
    lines = (files(__package__) / "synonyms.txt").read_text(encoding="utf-8").splitlines()
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in lines:
        stems = {stem_of(word) for word in line.split()}
        for stem in stems:
            found[stem] |= stems - {stem}
    return {stem: frozenset(others) for stem, others in found.items()}
