"""Texts inside Markdown, so that none of them changes what is around it: fences, code spans, quotes, and the Markdown of others."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_BACKTICKS: Final = re.compile("`+")
_TILDES: Final = re.compile("~{3,}")
# What CommonMark takes for the beginning of a tag, a comment or a declaration.
_TAG: Final = re.compile(r"(?<!\\)<(?=[A-Za-z/!?])")
_MEANINGFUL: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")
# Beyond this, a text is not parsed but fenced: the parser's time may grow with the square of the length.
MOST_PARSED: Final = 50_000


def fenced(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}\n"


def code(text: str) -> str:
    """A code span of one line; empty for an empty text."""
    if not text:
        return ""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest or text.startswith(" ") else ""
    return f"{fence}{space}{text}{space}{fence}"


def escaped(text: str) -> str:
    """A line of text without meaning in Markdown, as a name or a title."""
    return _MEANINGFUL.sub(r"\\\1", text)


def quoted(text: str, level: int = 1) -> str:
    """The text as a quote of this level: whatever it opens ends with the quote."""
    if not level:
        return text
    prefix = "> " * level
    return "".join(f"{prefix}{line}\n" if line else f"{prefix.rstrip()}\n" for line in text.rstrip("\n").split("\n"))


def contained(text: str) -> str:
    """Markdown that somebody wrote, with what would leave it made harmless: tags are escaped outside code, and an open fence is closed.

    A text that is too long for the parser becomes a code block.
    """
    if len(text) > MOST_PARSED:
        return fenced(text)
    may_fence = "```" in text or "~~~" in text
    if not may_fence and not _TAG.search(text):
        return text
    lines = text.split("\n")
    tokens = _blocks().parse(text)
    in_code = {number for token in tokens if token.map and token.type in ("fence", "code_block") for number in range(*token.map)}
    shown = "\n".join(_without_tags(lines, in_code))
    opened = next((token for token in tokens if token.type == "fence" and token.level == 0 and _is_open(token, lines)), None)
    return shown if opened is None else f"{shown.rstrip(chr(10))}\n{opened.markup}"


@cache
def _blocks() -> MarkdownIt:
    # Tags open no blocks for it: they are escaped.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")


def _is_open(fence: Token, lines: list[str]) -> bool:
    assert fence.map is not None
    first, end = fence.map
    last = lines[min(end, len(lines)) - 1].strip()
    is_closed = end - first > 1 and len(last) >= len(fence.markup) and not last.strip(fence.markup[0])
    return not is_closed


def _without_tags(lines: list[str], in_code: set[int]) -> Iterator[str]:
    """The lines with escaped tags; code spans, which may reach over several lines of a paragraph, stay as they are."""
    paragraph: list[str] = []
    for number, line in enumerate(lines):
        if number in in_code or not line.strip():
            yield from _escape(paragraph)
            paragraph = []
            yield line
        else:
            paragraph.append(line)
    yield from _escape(paragraph)


def _escape(paragraph: list[str]) -> list[str]:
    if not paragraph:
        return []
    text = "\n".join(paragraph)
    if not _TAG.search(text):
        return paragraph
    parts: list[str] = []
    position = 0
    for start, end in _code_spans(text):
        parts += [_TAG.sub(r"\\<", text[position:start]), text[start:end]]
        position = end
    parts.append(_TAG.sub(r"\\<", text[position:]))
    return "".join(parts).split("\n")


def _code_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the code spans of a paragraph are: from a run of backticks to the next run of the same length."""
    runs = [(found.start(), found.end()) for found in _BACKTICKS.finditer(text)]
    # The next run of the same length, for each run.
    following: dict[int, int] = {}
    nexts: list[int | None] = [None] * len(runs)
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        nexts[number] = following.get(length)
        following[length] = number
    number = 0
    while number < len(runs):
        start, end = runs[number]
        closing = nexts[number]
        if closing is None or (start and text[start - 1] == "\\" and end - start == 1):
            number += 1
            continue
        yield start, runs[closing][1]
        number = closing + 1
