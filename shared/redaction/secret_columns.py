"""Secrets in the columns of tables: under a header that names one, as Markdown, database shells and spreadsheets write them.

RE2 looks for headers in one read: a line with a secret's name in a cell and a rule below it, or names between commas, semicolons or
tabs. Rows are read from there on, while they have cells as the header has. All rows of a text are bounded together.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from shared.redaction.compiled_patterns import CREDENTIAL, compiled
from shared.redaction.context_patterns import CELL_EDGE, HARMLESS_KEYS, SECRET_NAME
from shared.redaction.false_positives import is_secret
from shared.redaction.secret_finder import Place

# A row takes about three microseconds.
_MAX_ROWS = 6_000
_HEADER_COST = 6
_MAX_CELLS = 64
# The number that a listing of a file has before a line.
_NUMBER = rb"(?:[ \t]*[0-9]+\xe2\x86\x92)?"
_RULE = rb"[ \t]*(?:[|+ :]|\xe2[\x94\x95][\x80-\xbf])*(?:--|:-|\xe2\x94\x80|\xe2\x95\x90)"
_RULED = rb"(?i:" + SECRET_NAME + rb")[`*_ ]*(?:" + CELL_EDGE + rb"[^\r\n\x00]*)?\r?\n" + _NUMBER + _RULE
_NAMES = rb"\"?[A-Za-z][A-Za-z0-9_ ./-]*\"?"
_SECRET_CELL = rb"\"?(?:[A-Za-z][A-Za-z0-9_ ./-]*[_ .-])?(?i:" + SECRET_NAME + rb")\"?"
_SEPARATED = tuple(
    rb"(?m:^)" + _NUMBER + rb"(?:(?:" + _NAMES + edge + rb")+" + _SECRET_CELL + rb"(?:" + edge + _NAMES + rb")*|" + _SECRET_CELL
    + rb"(?:" + edge + _NAMES + rb")+)(\r?\n)"
    for edge in (b",", b";", rb"\t")
)  # fmt: skip
_SEPARATORS = tuple(map(re.compile, (b",", b";", b"\t")))
_EDGE = re.compile(CELL_EDGE)
_ENDS_WITH_EDGE = re.compile(CELL_EDGE + rb"\Z")
_IS_SECRET = re.compile(rb"(?i:" + SECRET_NAME + rb")\Z")
_IS_HARMLESS = re.compile(HARMLESS_KEYS)
_LINE_NUMBER = re.compile(rb"[ \t]*+[0-9]++\xe2\x86\x92")
_RULE_LINE = re.compile(rb"(?:[|+: \t=-]|\xe2[\x94\x95][\x80-\xbf])++")
_AROUND = b" \t\r`*_\"'"
# Without blanks, and without what code and sentences have.
_VALUE = re.compile(rb"[^\s\"'`<>(){}\[\]:,;|\\\x00-\x1f]{6,}+")

Span = tuple[int, int]


class _Shape(NamedTuple):
    """The sign between the cells of a line; whether it stands before the first and behind the last, too."""

    edge: re.Pattern[bytes]
    is_open: bool = False
    is_closed: bool = False


class _Header(NamedTuple):
    """The names of the cells; the shape of all lines; where the rows begin."""

    names: list[bytes]
    shape: _Shape
    rows_from: int


@lru_cache(maxsize=1)
def _headers() -> Any:
    return compiled(b"|".join((_RULED, *_SEPARATED)))


def columns_in(text: bytes) -> Iterator[Place]:
    """The places of the secrets, in order."""
    rows, at = 0, 0
    while rows < _MAX_ROWS and (found := _headers().search(text, at)) is not None:
        header = _header(text, found)
        rows, at = rows + _HEADER_COST, header.rows_from
        secret = [(number, name) for number, name in enumerate(header.names) if _IS_SECRET.search(name) and not _IS_HARMLESS.search(name)]
        while at < len(text) and rows < _MAX_ROWS:
            end = text.find(b"\n", at) + 1 or len(text)
            cells = _cells(text, *_line(text, at, end), header.shape)
            if len(cells) < len(header.names) and not _RULE_LINE.fullmatch(text, *_line(text, at, end)):
                break
            if len(cells) == len(header.names):
                for number, name in secret:
                    start, stop = cells[number]
                    value = text[start:stop]
                    if _VALUE.fullmatch(value) and is_secret("cell", name, value, b""):
                        yield Place(start, stop, CREDENTIAL)
            rows, at = rows + 1, end


def _header(text: bytes, found: Any) -> _Header:
    start, end = found.span()
    number = found.lastindex
    if number is not None:
        shape, rows_from = _Shape(_SEPARATORS[number - 1]), end
    else:
        rows_from = text.find(b"\n", end) + 1 or len(text)
        start, end = text.rfind(b"\n", 0, start) + 1, text.index(b"\n", start)
        line = text[slice(*_line(text, start, end))].strip()
        shape = _Shape(_EDGE, _EDGE.match(line) is not None, _ENDS_WITH_EDGE.search(line) is not None)
    cells = _cells(text, *_line(text, start, end), shape)
    return _Header([text[slice(*cell)] for cell in cells], shape, rows_from)


def _line(text: bytes, start: int, end: int) -> Span:
    """A line without its end and the number before it."""
    number = _LINE_NUMBER.match(text, start, end)
    end -= text[end - 1 : end] == b"\n"
    return number.end() if number else start, end


def _cells(text: bytes, start: int, end: int, shape: _Shape) -> list[Span]:
    """The cells of a line without what is around their texts; none if there are too many."""
    cells: list[Span] = []
    at = start
    for found in shape.edge.finditer(text, start, end):
        cells.append(_stripped(text, at, found.start()))
        at = found.end()
        if len(cells) > _MAX_CELLS:
            return []
    cells.append(_stripped(text, at, end))
    return cells[shape.is_open : len(cells) - shape.is_closed]


def _stripped(text: bytes, start: int, end: int) -> Span:
    cell = text[start:end]
    inner = cell.strip(_AROUND)
    start += cell.find(inner)
    return start, start + len(inner)
