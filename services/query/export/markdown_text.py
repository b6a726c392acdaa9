"""Texts inside Markdown, so that none of them changes what is around it: fences, code spans, quotes, and the Markdown of others."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_BACKTICKS: Final = re.compile("`+")
# CommonMark's beginnings of a tag, a comment or a declaration; and of an image, which sends a request elsewhere when it is shown.
_ACTIVE: Final = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)")
_TAG_ON_A_NEW_LINE: Final = re.compile(r"(\n[ \t>]*)<(?=[A-Za-z/!?])")
# A backslash takes the meaning of the character after it, also that of another backslash.
_ESCAPED_OR_ACTIVE: Final = re.compile(rf"\\.|{_ACTIVE.pattern}", re.DOTALL)
_ESCAPED_OR_BACKTICKS: Final = re.compile(r"\\.|`+", re.DOTALL)
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*")
_CELL_ENDS: Final = re.compile(r"(?<!\\)(?=\|)")
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
    """Markdown that somebody wrote, with what would leave it made harmless: an open fence is closed, and outside code tags are escaped and images are links.

    A text that is too long for the parser becomes a code block, and so does one that readers of Markdown take for different things.
    """
    if len(text) > MOST_PARSED:
        return fenced(text)
    may_fence = "```" in text or "~~~" in text
    if not may_fence and not _ACTIVE.search(text):
        return text
    lines = text.split("\n")
    tokens = _blocks().parse(text)
    if any(_FENCE.match(lines[number].lstrip(" >")) for number in _lines_of(tokens, "table_open")):
        # Readers differ in whether a table or a code block begins here.
        return fenced(text)
    shown = "\n".join(_made_harmless(lines, tokens))
    opened = next((token for token in tokens if token.type == "fence" and token.level == 0 and _is_open(token, lines)), None)
    return shown if opened is None else f"{shown.rstrip(chr(10))}\n{opened.markup}"


@cache
def _blocks() -> MarkdownIt:
    # Tags open no blocks for it: they are escaped.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("inline")


def _is_open(fence: Token, lines: list[str]) -> bool:
    assert fence.map is not None
    first, end = fence.map
    last = _FENCE.fullmatch(lines[min(end, len(lines)) - 1])
    is_closed = end - first > 1 and last is not None and last[1].startswith(fence.markup)
    return not is_closed


def _made_harmless(lines: list[str], tokens: list[Token]) -> Iterator[str]:
    """The lines with escaped tags and images. Code stays as it is, and so do code spans, which may reach over several lines of a paragraph."""
    in_code = set(_lines_of(tokens, "fence", "code_block"))
    in_table = set(_lines_of(tokens, "table_open"))
    # A code span ends with its paragraph or heading at the latest, and these are not always parted by an empty line.
    ends = {token.map[0]: token.map[1] for token in tokens if token.map and token.type == "inline"}
    number = 0
    while number < len(lines):
        end = number + 1
        if number in in_code:
            yield lines[number]
        elif number in in_table:
            # In a table it ends with its cell.
            yield "".join(_escape(cell) for cell in _CELL_ENDS.split(lines[number]))
        else:
            end = ends.get(number, end)
            yield _escape("\n".join(lines[number:end]))
        number = end


def _lines_of(tokens: list[Token], *types: str) -> Iterator[int]:
    for token in tokens:
        if token.map and token.type in types:
            yield from range(*token.map)


def _escape(text: str) -> str:
    if not _ACTIVE.search(text):
        return text
    parts: list[str] = []
    position = 0
    for start, end in _code_spans(text):
        # Before a code span is looked for, a tag at the beginning of a line ends the paragraph.
        parts += [_escape_outside_code(text[position:start]), _TAG_ON_A_NEW_LINE.sub(r"\1\\<", text[start:end])]
        position = end
    return "".join([*parts, _escape_outside_code(text[position:])])


def _escape_outside_code(text: str) -> str:
    return _ESCAPED_OR_ACTIVE.sub(lambda found: f"\\{found[0]}" if len(found[0]) == 1 else found[0], text)


def _code_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the code spans of a paragraph are: from a run of backticks to the next run of the same length."""
    runs: dict[int, list[int]] = {}
    for found in _BACKTICKS.finditer(text):
        runs.setdefault(found.end() - found.start(), []).append(found.start())
    position = 0
    while opening := _ESCAPED_OR_BACKTICKS.search(text, position):
        position = opening.end()
        length = position - opening.start()
        closing = runs.get(length, [])
        following = bisect_left(closing, position)
        if opening[0].startswith("`") and following < len(closing):
            position = closing[following] + length
            yield opening.start(), position
