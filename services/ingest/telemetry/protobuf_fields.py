"""Counts the fields of a protobuf message before it is parsed: two bytes are an empty message, which takes a hundred as an object."""

from typing import Any, Final

# As many take about 100 MB. Claude Code's exports have some thousands.
MAX_FIELDS: Final = 500_000
# An empty field.
_LEAST_BYTES: Final = 2
# The most bits of a number; one that goes on beyond them is damaged.
_MOST_BITS: Final = 63
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def has_too_many_fields(body: bytes, descriptor: Any) -> bool:
    """Whether a message and those in it have more than MAX_FIELDS fields. A damaged body is counted up to the damage. Takes at most a second."""
    if len(body) <= MAX_FIELDS * _LEAST_BYTES:
        return False
    count = 0
    parts: list[tuple[int, int, Any]] = [(0, len(body), descriptor)]
    while parts:
        at, end, kind = parts.pop()
        while at < end:
            count += 1
            if count > MAX_FIELDS:
                return True
            tag, at = _varint(body, at, end)
            if tag & 7 == _LENGTH:
                length, at = _varint(body, at, end)
                field = kind.fields_by_number.get(tag >> 3)
                if field is not None and field.message_type is not None:
                    parts.append((at, min(at + length, end), field.message_type))
                at += length
            elif tag & 7 == _VARINT:
                _, at = _varint(body, at, end)
            elif tag & 7 in (_FIXED64, _FIXED32):
                at += 8 if tag & 7 == _FIXED64 else 4
            else:
                break
    return False


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """A number and the place behind it."""
    value = shift = 0
    while at < end:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128 or shift > _MOST_BITS:
            break
    return value, at
