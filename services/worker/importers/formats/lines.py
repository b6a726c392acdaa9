"""Reads any file as lines: bytes in, lines with their place out. Memory is bounded by the longest line that is accepted."""

from collections.abc import Iterator
from typing import IO, NamedTuple

from services.worker.importers.unpacking_limits import code_of
from services.worker.persist.records import RecordError

READ_BYTES = 1 << 18
# The longest line seen has 2.1 MB (docs/explanation/claude-code-formats.md). A worker can parse a line of this size within its memory.
MAX_LINE_BYTES = 32 * 1024 * 1024
LINE_TOO_LONG = "LINE_TOO_LONG"
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line without its end. `number` counts from 1; `offset` is where it begins; `ended` is false for a last line without a line feed."""

    content: bytes
    number: int
    offset: int
    ended: bool


def read_lines(file: IO[bytes], max_line_bytes: int = MAX_LINE_BYTES, *, number: int = 0, offset: int = 0) -> Iterator[Line | RecordError]:
    """Every line that is not empty; a RecordError for a line that is too long. `number` and `offset`: lines and bytes before this part of a file.

    If the file cannot be read to its end (a truncated archive), gives the lines before, then a DAMAGED error.
    """
    rest: list[bytes] = []
    rest_bytes = 0
    while True:
        try:
            chunk = file.read(READ_BYTES)
        except (OSError, EOFError, ValueError) as error:
            yield from _last(rest, rest_bytes, number + 1, offset, max_line_bytes)
            yield RecordError(
                code=code_of(error),
                message=f"The file cannot be read beyond this place ({error}).",
                line=number + 1,
                offset=offset + rest_bytes,
            )
            return
        if not chunk:
            break
        *complete, tail = chunk.split(b"\n")
        # Each line is let go of when the next is wanted: a chunk may be one long line.
        del chunk
        complete.reverse()
        while complete:
            content = complete.pop()
            number += 1
            if rest_bytes:
                rest.append(content)
                size = rest_bytes + len(content)
                content = b"" if size > max_line_bytes else b"".join(rest)
                rest, rest_bytes = [], 0
            else:
                size = len(content)
            if size > max_line_bytes:
                yield _too_long(size, number, offset, max_line_bytes)
            elif content := _bare(content, number):
                yield Line(content, number, offset, True)
            del content
            offset += size + 1
        if tail:
            rest_bytes += len(tail)
            if rest_bytes <= max_line_bytes:
                rest.append(tail)
            else:
                # Only the length of a line that is too long is kept.
                rest.clear()
    yield from _last(rest, rest_bytes, number + 1, offset, max_line_bytes)


def _last(rest: list[bytes], size: int, number: int, offset: int, max_line_bytes: int) -> Iterator[Line | RecordError]:
    if size > max_line_bytes:
        yield _too_long(size, number, offset, max_line_bytes)
    elif line := _bare(b"".join(rest), number):
        yield Line(line, number, offset, False)


def _bare(content: bytes, number: int) -> bytes:
    if number == 1:
        content = content.removeprefix(_BOM)
    # A crash of the machine can leave NUL bytes where text should be.
    return content.strip(b" \t\r\x00")


def _too_long(size: int, number: int, offset: int, max_line_bytes: int) -> RecordError:
    message = f"Line {number} was left out: it has {size} bytes, the most is {max_line_bytes}."
    return RecordError(code=LINE_TOO_LONG, message=message, line=number, offset=offset)
