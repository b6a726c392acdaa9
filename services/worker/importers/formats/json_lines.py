"""A line in, typed objects out. It is fast because no objects are made of fields that the types do not have.

A line that does not fit is parsed slowly: two objects on one line, invalid UTF-8, half a surrogate pair. A field of an unexpected type is
left out then.
"""

import json
from collections.abc import Iterable, Iterator
from typing import IO, Any, Literal, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct

from services.worker.importers.formats.sanitize import clean_json
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


T = TypeVar("T", bound=Struct)
Problem = Literal["INVALID_JSON", "NOT_AN_OBJECT", "NESTED_TOO_DEEP"]
# Two objects on one line were seen. A line could have millions, and each costs as much as a line.
MAX_OBJECTS_A_LINE = 10_000
_COMMENTS = (b"//", b"#")
_MESSAGES = {
    "INVALID_JSON": "is no JSON from some place on; what is before and after it is imported",
    "TRUNCATED": "is cut off; the file was being written when it was copied, or is incomplete",
    "NOT_AN_OBJECT": "is JSON, but no record",
    "NESTED_TOO_DEEP": "is nested beyond measure",
}
_pieces = json.JSONDecoder(strict=False)


def objects_of(line: bytes, decoder: msgspec.json.Decoder[T]) -> Iterable[T | Problem]:
    """The objects of a line, mostly one, as the decoder's Struct; a Problem for the rest of the line where it is no JSON object."""
    # NUL is the one thing the decoder lets pass that Postgres does not take.
    if b"\\u0000" in line:
        line = _without_nul(line)
    try:
        # Nearly every line goes this way.
        return (decoder.decode(line),)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return _objects_of_a_difficult_line(line, decoder.type)


def _without_nul(line: bytes) -> bytes:
    """The line with each escaped NUL as U+FFFD."""
    pieces = line.split(b"\\u0000")
    for n, piece in enumerate(pieces[:-1]):
        backslashes = len(piece) - len(piece.rstrip(b"\\"))
        # Behind an odd number of backslashes it is text, not an escape.
        pieces[n] = piece + (b"\\ufffd" if backslashes % 2 == 0 else b"\\u0000")
    return b"".join(pieces)


def _objects_of_a_difficult_line(line: bytes, wanted: type[T]) -> Iterator[T | Problem]:
    text = line.decode("utf-8", "replace")
    at = count = 0
    while at < len(text):
        count += 1
        if count > MAX_OBJECTS_A_LINE:
            yield "INVALID_JSON"
            return
        try:
            value, at = _pieces.raw_decode(text, at)
        except RecursionError:
            yield "NESTED_TOO_DEEP"
            return
        except ValueError:
            yield "INVALID_JSON"
            return
        while at < len(text) and text[at] in " \t\r\x00,":
            at += 1
        if not isinstance(value, dict):
            yield "NOT_AN_OBJECT"
            continue
        try:
            yield lenient(msgspec.json.encode(clean_json(value)), wanted)
        except (RecursionError, msgspec.MsgspecError, OverflowError):
            yield "NESTED_TOO_DEEP"


def is_comment(line: Line) -> bool:
    """Claude Code writes no comments, but people who publish their sessions do."""
    return line.content.startswith(_COMMENTS)


def error_of(problem: Problem, line: Line) -> RecordError:
    """The error for a problem. The last line is often cut off, since files are copied while they are written."""
    code = "TRUNCATED" if problem == "INVALID_JSON" and not line.ended else problem
    return RecordError(code=code, message=f"Line {line.number} {_MESSAGES[code]}.", line=line.number, offset=line.offset)


def lenient(content: bytes | Raw, wanted: type[T]) -> T:
    """The struct, with defaults for fields that do not fit their type. `content` must be a valid JSON object."""
    try:
        return msgspec.json.decode(content, type=wanted)
    except msgspec.ValidationError:
        pass
    values: dict[str, Any] = {}
    given = msgspec.json.decode(content, type=dict[str, Raw])
    for field in msgspec.structs.fields(wanted):
        if (raw := given.get(field.encode_name)) is not None:
            try:
                values[field.name] = msgspec.json.decode(raw, type=field.type)
            except msgspec.ValidationError:
                if (part := _lenient_part(raw, field.type)) is not None:
                    values[field.name] = part
    return wanted(**values)


def _lenient_part(raw: Raw, wanted: Any) -> Any:
    """A struct, or a list of structs, with one field that does not fit."""
    first = bytes(raw).lstrip()[:1]
    for kind in get_args(wanted):
        if first == b"{" and _is_struct(kind):
            return lenient(raw, kind)
        if first == b"[" and get_args(kind) and _is_struct(get_args(kind)[0]):
            items = msgspec.json.decode(raw, type=list[Raw])
            return [lenient(item, get_args(kind)[0]) for item in items if bytes(item).lstrip()[:1] == b"{"]
    return None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
