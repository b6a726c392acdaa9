"""A line that is too long for what stands before the server, with its long texts cut: images and whole files, mostly."""

import json
from typing import Any, Final

_LENGTHS: Final = (64 * 1024, 8 * 1024, 1024, 128)


def shortened(line: bytes, limit: int) -> bytes:
    """A line of at most `limit` bytes. An empty one, if it is no JSON or has too many texts."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return b"\n"
    for length in _LENGTHS:
        # Escaped: a lone surrogate is not UTF-8.
        text = json.dumps(_cut(value, length), separators=(",", ":")).encode() + b"\n"
        if len(text) <= limit:
            return text
    return b"\n"


def _cut(value: Any, length: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= length else f"{value[:length]}… [{len(value) - length} characters left out]"
    if isinstance(value, list):
        return [_cut(item, length) for item in value]
    if isinstance(value, dict):
        return {name: _cut(item, length) for name, item in value.items()}
    return value
