"""The part of a text that a search found it by, as HTML: escaped, with the words that were looked for in <mark>."""

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape

BEFORE_CHARS = 60
SNIPPET_CHARS = 240


def snippet(content: str, highlights: Sequence[str]) -> str:
    """At most SNIPPET_CHARS characters of `content` around the first highlight, cut ends shown by …"""
    pattern = _pattern(tuple(highlights))
    first = pattern.search(content) if pattern else None
    start = max(first.start() - BEFORE_CHARS, 0) if first else 0
    cut = content[start : start + SNIPPET_CHARS]
    return ("…" if start else "") + _marked(cut, pattern) + ("…" if start + SNIPPET_CHARS < len(content) else "")


def _marked(cut: str, pattern: re.Pattern[str] | None) -> str:
    if pattern is None:
        return escape(cut)
    pieces, at = [], 0
    for match in pattern.finditer(cut):
        pieces += [escape(cut[at : match.start()]), "<mark>", escape(match.group()), "</mark>"]
        at = match.end()
    return "".join(pieces) + escape(cut[at:])


@lru_cache(maxsize=256)
def _pattern(highlights: tuple[str, ...]) -> re.Pattern[str] | None:
    """Any of them, the longest first; an alternation of plain texts, so it takes linear time."""
    texts = sorted((text for text in highlights if text), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, texts)), re.IGNORECASE) if texts else None
