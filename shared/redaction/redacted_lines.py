"""Lines of JSON without their secrets, and otherwise the same bytes: what is archived of a transcript, and what a machine sends of it.

Records that are made of a line are redacted field by field (redacted_structs.py). Here the same is done to the line itself: it is decoded,
its value is redacted, and the string literals that changed are put back. So the line stays as Claude Code wrote it but for its secrets.

The number of lines and their ends stay. Redacting twice changes nothing. The time is linear in the length.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.json_values import has_too_many_values
from shared.redaction.redact import redact_bytes, redact_text
from shared.redaction.redacted_structs import may_hold_secret, redact_value

# Not strict: a control character inside a string is read, as the importer reads it.
_decode = json.JSONDecoder(strict=False).raw_decode
# One pass is enough unless a secret hid the damage of a line; then the line is JSON after the first.
_MAX_PASSES = 4
# Larger blocks more often hold something that could be a secret, and then each of their lines is looked at.
_BLOCK_BYTES = 16 * 1024
# The characters that may stand between two values on a line. A crash of the machine can leave NULs.
_BETWEEN = re.compile(r"[ \t\r\n\0,\ufeff]*+")
# A string literal; its end is missing if the line is cut off. It never goes back over what it read, so it takes linear time.
_LITERAL = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)("?)', re.DOTALL)
_SURROGATES = re.compile("[\ud800-\udfff]")


def redact_lines(data: bytes, counts: dict[str, int]) -> bytes:
    """Lines of JSON without their secrets; the same object if they have none. `counts` grows by what was found, by kind.

    A line that is not JSON is redacted as text. Half a gigabyte a second where there is nothing to redact.
    """
    blocks = list(_blocks_of(data))
    redacted = [_redact_block(block, counts) for block in blocks]
    return data if all(new is old for new, old in zip(redacted, blocks, strict=True)) else b"".join(redacted)


def _blocks_of(data: bytes) -> Iterator[bytes]:
    """Whole lines together, so that most need not be looked at one by one."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _BLOCK_BYTES) + 1 or len(data)
        yield data[start:end]
        start = end


def _redact_block(block: bytes, counts: dict[str, int]) -> bytes:
    is_doubtful = may_hold_secret(block)
    lines = block.split(b"\n")
    is_changed = False
    for number, line in enumerate(lines):
        if _looks_like_an_object(line) and not (is_doubtful and may_hold_secret(line)):
            continue
        redacted = _redact_line(line, counts)
        if redacted != line:
            lines[number] = redacted
            is_changed = True
    return b"\n".join(lines) if is_changed else block


def _looks_like_an_object(line: bytes) -> bool:
    """Whether the quick scan, which knows secrets as JSON writes them, can be asked about a line. An empty line has no secret either."""
    return (line[:1] == b"{" and line[-1:] == b"}") or not line or (line[-1:] == b"\r" and _looks_like_an_object(line.rstrip(b"\r")))


def _redact_line(line: bytes, counts: dict[str, int]) -> bytes:
    if has_too_many_values(line):
        return _redact_other_text(line.decode("utf-8", "surrogateescape"), counts)
    for _ in range(_MAX_PASSES):
        redacted = b"".join(_redacted_pieces(line.decode("utf-8", "surrogateescape"), counts))
        if redacted == line:
            break
        line = redacted
    return line


def _redacted_pieces(text: str, counts: dict[str, int]) -> Iterator[bytes]:
    """A line in pieces: mostly one value; more if it has several; from where it is no JSON, the rest."""
    at = 0
    while True:
        start = at
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        yield _bytes_of(text[start:at])
        if at == len(text):
            return
        try:
            value, end = _decode(text, at)
            yield _bytes_of(_redact_json(text[at:end], value, counts))
        except (ValueError, RecursionError):
            yield _redact_other_text(text[at:], counts)
            return
        at = end


def _redact_json(text: str, value: Any, counts: dict[str, int]) -> str:
    """The text of a JSON value, in which only the string literals differ that hold a secret."""
    redacted = redact_value(value, counts)
    if redacted is value:
        return text
    before, after = list(_strings_of(value)), list(_strings_of(redacted))
    literals = list(_LITERAL.finditer(text))
    if not len(before) == len(after) == len(literals):
        # A key twice in one object: the value has the last one only, as everybody reads it.
        return _escaped(json.dumps(redacted, ensure_ascii=False, separators=(",", ":")))
    pieces: list[str] = []
    end = 0
    for literal, old, new in zip(literals, before, after, strict=True):
        if new != old:
            pieces += (text[end : literal.start()], _literal_of(new))
            end = literal.end()
    return "".join((*pieces, text[end:]))


def _strings_of(value: Any) -> Iterator[str]:
    """All strings of a value, keys too, in the order in which JSON writes them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings_of(item)


def _redact_other_text(text: str, counts: dict[str, int]) -> bytes:
    """A line that is cut off, nested beyond measure or no JSON at all. Its string literals first, since their escapes hide what is in them."""
    pieces: list[str] = []
    end = 0
    for literal in _LITERAL.finditer(text):
        try:
            content, _ = _decode(f'"{literal[1]}"')
        except ValueError:
            continue
        redacted = redact_text(content, counts)
        if redacted is not content:
            pieces += (text[end : literal.start()], _literal_of(redacted).removesuffix('"'), literal[2])
            end = literal.end()
    return redact_bytes(_bytes_of("".join((*pieces, text[end:]))), counts)


def _literal_of(text: str) -> str:
    """As JSON.stringify writes it."""
    return _escaped(json.dumps(text, ensure_ascii=False))


def _escaped(literal: str) -> str:
    """With each lone surrogate as an escape: UTF-8 has none."""
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", literal)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
