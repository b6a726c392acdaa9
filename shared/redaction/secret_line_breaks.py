"""Secrets that a line break divides: a terminal, a mail or a person has wrapped them.

A secret may go on on the next line. And a token may be too short before the break to be known: then the parts are read as one.
"""

import re
from collections.abc import Callable, Iterator

from shared.redaction.false_positives import is_run_on
from shared.redaction.token_formats import Kind, edge_before, kinds

_BREAK = rb"\r?\n[ \t]*+"
# The rest of a secret is alone on its line: one run of what secrets are made of.
_REST = re.compile(_BREAK + rb"([A-Za-z0-9_+/.-]{8,}+=?=?)(?=[ \t]*+[\r\n\"'`]|[ \t]*+\Z)")
# A secret of hundreds of letters has more lines than this only if it is a file of its own.
_MAX_LINES = 8
_PART = rb"[A-Za-z0-9_.-]{4,}+"
_MANY_PARTS = _PART + rb"(?:" + _BREAK + _PART + rb"){1,%d}" % _MAX_LINES
_BREAKS = re.compile(_BREAK)
_ENDS_A_MARK = (b"_", b"-")
_MIN_MARK = 4
_WHOLE_MARK = b"eyJ"


def lines_behind(text: bytes, stop: int) -> Iterator[tuple[int, int]]:
    """Where a secret that ends at a line's end goes on."""
    for _ in range(_MAX_LINES):
        rest = _REST.match(text, stop)
        if rest is None or not is_run_on(rest[1]):
            return
        yield rest.span(1)
        stop = rest.end(1)


def divided_kinds() -> Iterator[tuple[Kind, bytes, re.Pattern[bytes], Callable[[re.Match[bytes]], Iterator[tuple[int, int]]]]]:
    """The kinds whose mark no word begins with: what RE2 looks for, the pattern of the parts, and the places of the secret in it."""
    for kind in kinds():
        if can_be_divided(kind):
            mark = re.escape(kind.begins)
            yield (
                kind,
                mark + rb"[A-Za-z0-9_.-]*\r?\n",
                re.compile(mark + edge_before(kind) + _MANY_PARTS),
                _joined(kind.begins, re.compile(mark + kind.then)),
            )


def can_be_divided(kind: Kind) -> bool:
    """Whether its mark begins no words, so that any line may have its beginning."""
    is_told = kind.begins.endswith(_ENDS_A_MARK) and len(kind.begins) >= _MIN_MARK
    return (is_told or kind.begins == _WHOLE_MARK) and not kind.behind and b"(" not in kind.then


def _joined(begins: bytes, whole: re.Pattern[bytes]) -> Callable[[re.Match[bytes]], Iterator[tuple[int, int]]]:
    def spans(match: re.Match[bytes]) -> Iterator[tuple[int, int]]:
        first, *others = _BREAKS.split(match[0])
        # If the first line is enough, the others are judged by themselves.
        if whole.match(first):
            return
        joined = first
        for number, part in enumerate(others, 1):
            # Another one
            if part.startswith(begins):
                return
            joined += part
            if whole.fullmatch(joined):
                if all(map(is_run_on, others[:number])):
                    yield match.start(), _end_of_lines(match, number)
                return

    return spans


def _end_of_lines(match: re.Match[bytes], number: int) -> int:
    """Where the part behind so many line breaks ends."""
    breaks = list(_BREAKS.finditer(match.string, *match.span()))
    return breaks[number].start() if number < len(breaks) else match.end()
