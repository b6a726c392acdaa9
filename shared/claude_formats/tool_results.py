"""The result of a tool call, as text: from the `tool_result` block of a transcript's line. The worker stores it cut; query reads all of it from the archive.

Both read it with these functions, so that what is stored is the beginning and the end of what is read.
"""

import json
import re
from collections.abc import Iterator
from hashlib import sha1
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

NOTHING: Final = Raw(b"null")
_NAMESPACE: Final = UUID("6f0d2b1e-6d0c-5b0e-9f53-0c7a5d5f6a11").bytes
_VERSION_5: Final = 5 << 76 | 2 << 62
_WITHOUT_VERSION: Final = (1 << 128) - 1 & ~(0xF << 76 | 3 << 62)
# Commands of terminals: CSI, as colours; OSC and the like up to their end, as titles and links; other short ones. Each takes linear time.
_ESCAPE_CODES: Final = re.compile(
    "\x1b(?:\\[[0-?]*+[ -/]*+[@-~]?|[\\]PX^_][^\x07\x1b\n]{0,4096}+(?:\x07|\x1b\\\\)|[ -/]*+[0-~]?)|\x9b[0-?]*+[ -/]*+[@-~]?"
)
# Longer than any of these but the longest CSI.
_LONGEST_CODE: Final = 4200
_MAX_DEPTH: Final = 3
# A longer text is decoded in pieces: with one emoji in it, each of its characters would take four bytes.
_PIECE_BYTES: Final = 256 * 1024
_HIGH_SURROGATE: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")


class ResultText(NamedTuple):
    """The text that Claude was given, and (media type, bytes) of each image or file that is no text.

    A long text may be cut to its beginning and end: `left_out` characters are missing between them.
    """

    text: str
    media: list[tuple[str, int]]
    left_out: int = 0


class _Source(Struct):
    type: str | None = None
    media_type: str | None = None
    data: Raw = NOTHING
    content: Raw = NOTHING


class _Item(Struct):
    type: str | None = None
    text: Raw = NOTHING
    source: Raw = NOTHING


_text = msgspec.json.Decoder(str)
_items = msgspec.json.Decoder(list[Raw])
_item = msgspec.json.Decoder(_Item)
_source = msgspec.json.Decoder(_Source)


def natural_id(kind: str, *key: str) -> UUID:
    """The id of a thing of Claude Code's, by its natural key: a UUIDv5."""
    # The same as uuid.uuid5, but faster: it is called for every record of an import.
    name = "\n".join((kind, *key)).encode("utf-8", "surrogatepass")
    digest = int.from_bytes(sha1(_NAMESPACE + name, usedforsecurity=False).digest()[:16], "big")
    return UUID(int=digest & _WITHOUT_VERSION | _VERSION_5)


def tool_call_id(tool_use: str) -> UUID:
    """The id of a tool call's row, by the `toolu_…` of the call."""
    return natural_id("tool use", tool_use)


def parse_result(content: bytes | Raw, most: tuple[int, int] | None = None) -> ResultText | None:
    """The text of a tool_result's `content`: a text, or a list of blocks, whose texts become lines. None without a text.

    Blocks of unknown kinds are JSON. Escape codes of terminals are left out: they hide words from a search, and could command the terminal of a reader.
    `most`: how many characters of the beginning and of the end are enough. Then memory does not grow with the text.
    """
    media: list[tuple[str, int]] = []
    pieces = _pieces_of(content, media, _MAX_DEPTH)
    if pieces is None:
        return None
    pieces = _without_escape_codes(pieces)
    if most is None:
        return ResultText("".join(pieces), media)
    text, left_out = _beginning_and_end(pieces, *most)
    return ResultText(text, media, left_out)


def without_escape_codes(text: str) -> str:
    """The text without commands of terminals. The same object if it has none."""
    return _ESCAPE_CODES.sub("", text) if "\x1b" in text or "\x9b" in text else text


def storable(text: str) -> str:
    """The text without NUL and half surrogate pairs, as everything is stored."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def media_of(media_type: str | None, data: bytes | Raw) -> tuple[str, int]:
    """The type, and the size before base64. `data`: the JSON literal."""
    literal = memoryview(data)
    padding = bytes(literal[-4:]).count(b"=")
    return (storable(media_type)[:200] if media_type else "unknown"), max((len(literal) - 2) * 3 // 4 - padding, 0)


def first_byte(value: bytes | Raw) -> bytes:
    """Tells the kind of a JSON value: b'"' for a text, b"[" for a list, b"{" for an object."""
    return bytes(memoryview(value)[:1])


def _pieces_of(content: bytes | Raw, media: list[tuple[str, int]], depth: int) -> Iterator[str] | None:
    first = first_byte(content)
    if first == b'"':
        return _pieces_of_text(content)
    if first == b"[" and depth:
        try:
            items = _items.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return iter((_as_it_is(content),))
        return _lines_of_items(items, media, depth - 1)
    return None if bytes(memoryview(content)[:5]) in (b"null", b"") else iter((_as_it_is(content),))


def _lines_of_items(items: list[Raw], media: list[tuple[str, int]], depth: int) -> Iterator[str]:
    between = ""
    for item in items:
        if (pieces := _pieces_of_item(item, media, depth)) is not None:
            yield between
            yield from pieces
            between = "\n"


def _pieces_of_item(item: Raw, media: list[tuple[str, int]], depth: int) -> Iterator[str] | None:
    try:
        block = _item.decode(item)
        source = _source.decode(block.source) if first_byte(block.source) == b"{" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return iter((_as_it_is(item),))
    if source is not None and source.type == "base64":
        media.append(media_of(source.media_type or block.type, source.data))
        return None
    if source is not None and block.type == "document" and source.type in ("text", "content"):
        return _pieces_of(source.data if source.type == "text" else source.content, media, depth)
    is_text = block.type == "text" and first_byte(block.text) == b'"'
    return _pieces_of_text(block.text) if is_text else iter((_as_it_is(item),))


def _pieces_of_text(literal: bytes | Raw) -> Iterator[str]:
    """The text of a JSON literal, in pieces if it is long."""
    content = memoryview(literal)[1:-1]
    at = 0
    while len(content) - at > _PIECE_BYTES:
        end = at + _whole_characters(bytes(content[at : at + _PIECE_BYTES]), content[at + _PIECE_BYTES])
        yield _decoded_text(b"".join((b'"', content[at:end], b'"')))
        at = end
    yield _decoded_text(b"".join((b'"', content[at:], b'"')) if at else literal)


def _whole_characters(content: bytes, behind: int) -> int:
    """How many bytes of this beginning of a literal can be decoded by themselves; `behind` is the byte behind them."""
    end = len(content)
    # Inside a character of UTF-8, which has at most three bytes behind its first.
    if behind & 0xC0 == 0x80:
        end = next((end - back for back in (1, 2, 3) if content[end - back] & 0xC0 != 0x80), end)
    # Inside an escape: a backslash begins one behind an even number of others.
    for start in range(max(end - 6, 0), end):
        if content[start] == 0x5C and _backslashes_before(content, start) % 2 == 0:
            length = 6 if content[start + 1 : start + 2] in (b"u", b"") else 2
            if start + length > end:
                end = start
                break
    # Between the halves of a surrogate pair.
    start = end - 6
    if _HIGH_SURROGATE.fullmatch(content, start, end) and _backslashes_before(content, start) % 2 == 0:
        return start
    return end


def _backslashes_before(content: bytes, end: int) -> int:
    return end - len(content[:end].rstrip(b"\\"))


def _without_escape_codes(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces without commands of terminals, also without those that two pieces share."""
    rest = ""
    for piece in pieces:
        text = rest + piece
        rest = ""
        if "\x1b" in text or "\x9b" in text:
            decided = _decided(text)
            text, rest = text[:decided], text[decided:]
        yield without_escape_codes(text)
    yield without_escape_codes(rest)


def _decided(text: str) -> int:
    """Up to where escape codes end in the text, whatever comes behind it."""
    for code in _ESCAPE_CODES.finditer(text):
        if code.end() == len(text) or code.start() > len(text) - _LONGEST_CODE:
            return code.start()
    return len(text)


def _beginning_and_end(pieces: Iterator[str], most_first: int, most_last: int) -> tuple[str, int]:
    """The first and the last characters, and how many are missing between them."""
    first, last, left_out = "", "", 0
    for piece in pieces:
        wanted = most_first - len(first)
        first += piece[:wanted]
        last += piece[wanted:]
        if len(last) > most_last:
            left_out += len(last) - most_last
            last = last[len(last) - most_last :]
    return first + last, left_out


def _decoded_text(literal: bytes | Raw) -> str:
    try:
        text = _text.decode(literal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _as_it_is(literal)
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _as_it_is(value: bytes | Raw) -> str:
    """A text that is not quite JSON, or the JSON of what is no text."""
    text = bytes(value).decode("utf-8", "replace")
    try:
        decoded: Any = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return storable(text)
    return storable(decoded if isinstance(decoded, str) else json.dumps(decoded, ensure_ascii=False, separators=(",", ":")))


_TOOL_USE: Final = re.compile(rb'"tool_use_id"\s*+:\s*+("(?:[^"\\\n]|\\.)*+")')
_object = msgspec.json.Decoder(dict[str, Raw])
_pieces = json.JSONDecoder(strict=False)


def result_in(lines: bytes, call_id: UUID) -> ResultText | None:
    """The result that whole lines of a transcript have of a call; `call_id` is that of its row. None if they do not say it."""
    for found in _TOOL_USE.finditer(lines):
        tool_use = _decoded_text(found[1])
        if tool_call_id(tool_use) != call_id:
            continue
        start = lines.rfind(b"\n", 0, found.start()) + 1
        end = lines.find(b"\n", found.end())
        content = _content_in(lines[start : len(lines) if end < 0 else end], tool_use)
        if content is not None and (result := parse_result(content)) is not None:
            return result
    return None


def _content_in(line: bytes, tool_use: str) -> Raw | None:
    for record in _objects_in(line):
        # A subagent's record may be inside its parent's: data.message is then a record.
        for path in (("message",), ("data", "message", "message")):
            if (content := _content_at(record, path, tool_use)) is not None:
                return content
    return None


def _objects_in(line: bytes) -> Iterator[dict[str, Raw]]:
    """The objects of a line, nearly always one."""
    try:
        yield _object.decode(line)
        return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text, at = line.decode("utf-8", "replace"), 0
    while at < len(text):
        try:
            value, at = _pieces.raw_decode(text, at)
            if isinstance(value, dict):
                yield _object.decode(storable(json.dumps(value, ensure_ascii=False)))
        except (ValueError, RecursionError):
            return
        while at < len(text) and text[at] in " \t\r\x00,":
            at += 1


def _content_at(record: dict[str, Raw], path: tuple[str, ...], tool_use: str) -> Raw | None:
    try:
        for name in path:
            record = _object.decode(record.get(name, b"{}"))
        blocks = [_object.decode(item) for item in _items.decode(record.get("content", b"[]")) if first_byte(item) == b"{"]
        return next((block.get("content") for block in blocks if _is_result_of(block, tool_use)), None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_result_of(block: dict[str, Raw], tool_use: str) -> bool:
    return _decoded_text(block.get("type", NOTHING)) == "tool_result" and _decoded_text(block.get("tool_use_id", NOTHING)) == tool_use
