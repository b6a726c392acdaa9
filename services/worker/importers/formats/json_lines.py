"""A line in, typed objects out. It is fast because no objects are made of fields that the types do not have.

A line that does not fit is parsed slowly: two objects on one line, invalid UTF-8, half a surrogate pair, a field of an unexpected type (which is
then left out).
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct

from services.worker.importers.formats.lines import Line
from services.worker.importers.formats.sanitize import clean_json
from services.worker.persist.records import RecordError

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
