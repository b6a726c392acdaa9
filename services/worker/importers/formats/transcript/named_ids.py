"""The ids that the lines of a transcript can have given to rows, under any rule: what a line is read as may change, its own ids do not.

So a row that a reparse no longer finds is known to come from a content that was read, or from one that was not. A change of how an id is made
(formats/ids.py) leaves the former way here: rows under it are replaced by no reparse else.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec

from services.worker.importers.formats import ids

_MAX_DEPTH: Final = 12
_json = msgspec.json.Decoder()


def ids_named_in(content: bytes) -> Iterator[UUID]:
    """The ids in all whole lines of a content. A line that is no JSON names nothing."""
    for line in content.split(b"\n"):
        try:
            record = _json.decode(line) if line else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        yield from _of_value(record, 0)


def _of_value(value: Any, depth: int) -> Iterator[UUID]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _of_value(item, depth + 1)
    elif isinstance(value, dict):
        yield from _of_object(value)
        for name, item in value.items():
            # A tool's result is long, and names no row.
            if isinstance(item, (dict, list)) and name not in ("toolUseResult", "input"):
                yield from _of_value(item, depth + 1)


def _of_object(value: dict[str, Any]) -> Iterator[UUID]:
    uuid, own_id = value.get("uuid"), value.get("id")
    message = value.get("message")
    if isinstance(uuid, str):
        yield from (ids.person_message_id(uuid), ids.entry_id(uuid))
    if isinstance(message, dict):
        message_id = message.get("id")
        key = message_id if isinstance(message_id, str) and message_id else uuid
        if isinstance(key, str):
            request_id = value.get("requestId")
            yield from (ids.claude_message_id(key), ids.api_call_id(key, request_id if isinstance(request_id, str) else None))
            yield from _of_blocks(key, message.get("content"))
    elif isinstance(own_id, str):
        yield from (ids.tool_use_id(own_id), ids.file_change_id(own_id))


def _of_blocks(key: str, content: Any) -> Iterator[UUID]:
    """Thinking, and calls without an id of their own."""
    for number, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict):
            continue
        if block.get("type") == "tool_use" and not block.get("id"):
            yield from (ids.tool_use_id(f"{key}\n{number}"), ids.file_change_id(f"{key}\n{number}"))
        signature, thinking = block.get("signature"), block.get("thinking")
        if isinstance(signature, str) and signature:
            yield ids.thinking_id(key, signature, "")
        elif isinstance(thinking, str):
            yield ids.thinking_id(key, "", thinking)
