"""Patterns of paths: `/home/*/work/shop` and `/srv/builds/**`. `*` is within a folder's name, `**` over folders."""

import re
from typing import Final

MAX_LENGTH: Final = 500
# Each project is compared with each.
MAX_RULES: Final = 100
_TOKENS: Final = re.compile(r"\*+|[^*]", re.DOTALL)


def problem_of(pattern: str) -> str | None:
    """The fault of a pattern, as the end of "the pattern …"; None if nothing is."""
    if not (pattern.startswith(("/", "*")) or pattern[1:3] == ":/"):
        return "must begin at the root, as in /home/*/work/shop"
    if not pattern.strip("*/"):
        return "must name a folder"
    return None


def matches(pattern: str, path: str) -> bool:
    """Whether the pattern names the whole of a normalized path. Takes time by the length of both, whatever the stars."""
    tokens = _TOKENS.findall(pattern.rstrip("/"))
    # How many tokens the path read so far may have used up.
    places = _skipping({0}, tokens)
    for character in path:
        after = set()
        for place in places:
            if place == len(tokens):
                continue
            wanted = tokens[place]
            if wanted == character:
                after.add(place + 1)
            elif wanted.startswith("**") or (wanted == "*" and character != "/"):
                after.add(place)
        places = _skipping(after, tokens)
        if not places:
            return False
    return len(tokens) in places


def _skipping(places: set[int], tokens: list[str]) -> set[int]:
    """The places, and those behind stars, which may stand for nothing."""
    found = set(places)
    for place in places:
        while place < len(tokens) and tokens[place].startswith("*"):
            place += 1
            found.add(place)
    return found
