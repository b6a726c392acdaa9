"""What a tool call gave back, as text: from the `tool_result` block of a transcript's line. The worker stores it cut; query reads all of it from the archive.

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
_MAX_DEPTH: Final = 3


class Told(NamedTuple):
    """The text that Claude was given, and (media type, bytes) of each image or file that is no text."""

    text: str
    media: list[tuple[str, int]]


class _Source(Struct):
    type: str | None = None
    media_type: str | None = None
    data: Raw = NOTHING
    content: Raw = NOTHING


class _Item(Struct):
    type: str | None = None
    text: str | None = None
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


def told(content: bytes | Raw) -> Told | None:
    """What the `content` of a tool_result says: a text, or a list of blocks, whose texts become lines. None if there is none.

    Blocks of unknown kinds are JSON. Escape codes of terminals are left out: they hide words from a search, and could command the terminal of a reader.
    """
    media: list[tuple[str, int]] = []
    text = _told(content, media, _MAX_DEPTH)
    return None if text is None else Told(without_escape_codes(text), media)


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


def _told(content: bytes | Raw, media: list[tuple[str, int]], depth: int) -> str | None:
    first = first_byte(content)
    if first == b'"':
        return _decoded_text(content)
    if first == b"[" and depth:
        try:
            items = _items.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _as_it_is(content)
        texts = (_text_of_item(item, media, depth - 1) for item in items)
        return "\n".join(text for text in texts if text is not None)
    return None if bytes(content) in (b"null", b"") else _as_it_is(content)


def _text_of_item(item: Raw, media: list[tuple[str, int]], depth: int) -> str | None:
    try:
        block = _item.decode(item)
        source = _source.decode(block.source) if first_byte(block.source) == b"{" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _as_it_is(item)
    if source is not None and source.type == "base64":
        media.append(media_of(source.media_type or block.type, source.data))
        return None
    if source is not None and block.type == "document" and source.type in ("text", "content"):
        return _told(source.data if source.type == "text" else source.content, media, depth)
    return storable(block.text) if block.type == "text" and block.text is not None else _as_it_is(item)


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


def result_in(lines: bytes, call_id: UUID) -> Told | None:
    """What whole lines of a transcript say that a call gave back; `call_id` is that of its row. None if they do not say it."""
    for found in _TOOL_USE.finditer(lines):
        tool_use = _decoded_text(found[1])
        if tool_call_id(tool_use) != call_id:
            continue
        start = lines.rfind(b"\n", 0, found.start()) + 1
        end = lines.find(b"\n", found.end())
        content = _content_in(lines[start : len(lines) if end < 0 else end], tool_use)
        if content is not None and (result := told(content)) is not None:
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
