"""What a tool call gave back, as text: from the `tool_result` block of a transcript's line. The worker stores it cut; query reads all of it from the archive.

Both read it with these functions, so that what is stored is the beginning and the end of what is read.
"""

import json
import re
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
