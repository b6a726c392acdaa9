"""Natural keys of Claude Code's own data → UUIDv5. The id is the same from a transcript, a hook or any later upload.

Every kind of thing has its own prefix before its key, so that a tool call and the file change that it made have different ids.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec

from shared.claude_formats.tool_results import natural_id as _id
from shared.claude_formats.tool_results import tool_call_id

NAMESPACE = UUID("6f0d2b1e-6d0c-5b0e-9f53-0c7a5d5f6a11")


def project_id(path: str) -> UUID:
    """By the normalized path."""
    return _id("project", path)


def repository_id(path: str, remote: str) -> UUID:
    """By the normalized path and remote."""
    return _id("repository", path, remote)


def person_message_id(uuid: str) -> UUID:
    """By the uuid of its row, which stays the same in forks and resumed copies."""
    return _id("message", uuid)


def person_message_id_without_uuid(session_id: str, timestamp: str, content: str) -> UUID:
    """By all that is known of the message, for the few rows that have no uuid."""
    return _id("message without uuid", session_id, timestamp, content)


def claude_message_id(message_id: str) -> UUID:
    """By `message.id`, which all rows of one message share; by the row's uuid if that is missing."""
    return _id("claude message", message_id)


def tool_use_id(tool_use: str) -> UUID:
    """By the `toolu_…` of the call."""
    return tool_call_id(tool_use)


def file_change_id(tool_use: str) -> UUID:
    """A call changes one file, so its id is the change's too."""
    return _id("file change", tool_use)


def file_deletion_id(tool_use: str, path: str) -> UUID:
    """A shell command can delete several files."""
    return _id("file deletion", tool_use, path)


def api_call_id(message_id: str, request_id: str | None) -> UUID:
    """By `message.id` (the row's uuid if that is missing) and by `requestId`, if the row has one."""
    return _id("api call", message_id, request_id or "")


def advisor_call_id(message_id: str, request_id: str | None, iteration: int) -> UUID:
    """By the call within which the advisor was asked, and its place among the steps of that call."""
    return _id("advisor call", message_id, request_id or "", str(iteration))


def thinking_id(message_id: str, signature: str, content: str) -> UUID:
    """By `message.id` (the row's uuid if that is missing) and the API's signature of the thinking; by its text without one."""
    return _id("thinking", message_id, signature or _digest(content))


def entry_id(uuid: str) -> UUID:
    """By the uuid of its row, which gives one entry besides thinking."""
    return _id("entry", uuid)


def entry_id_without_uuid(session_id: str, timestamp: str, kind: str, content: str) -> UUID:
    """By all that is known of it, for the few rows that have no uuid."""
    return _id("entry without uuid", session_id, timestamp, kind, _digest(content))


def facts_id(session_id: str, content: bytes) -> UUID:
    """By the session and the content of the facts: equal facts are one row, other facts are another row beside it."""
    return _id("facts", session_id, sha256(content).hexdigest())


def prompt_id(project_path: str, content: str, ordinal: int) -> UUID:
    """By project, text and ordinal: the n-th equal prompt in claude.json's history, which has neither times nor ids."""
    return _id("prompt", project_path, _digest(content), str(ordinal))


def history_prompt_id(project_path: str, timestamp_ms: int, content: str) -> UUID:
    """By project, millisecond and text of a prompt in history.jsonl."""
    return _id("history prompt", project_path, str(timestamp_ms), _digest(content))


def hook_message_id(session_id: str, agent_id: str | None, role: str, turn: str, content: str) -> UUID:
    """By what a hook says of a message. `turn` is the id of the prompt that began it, else the hook's time."""
    return _id("hook message", session_id, agent_id or "", role, turn, _digest(content))


def _digest(content: str) -> str:
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


_MAX_DEPTH: Final = 12
_json = msgspec.json.Decoder()


# A reparse finds by it which content a row came from. A way in which ids were made before must stay here: no reparse replaces rows under it else.
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
        yield from (person_message_id(uuid), entry_id(uuid))
    if isinstance(message, dict):
        message_id = message.get("id")
        key = message_id if isinstance(message_id, str) and message_id else uuid
        if isinstance(key, str):
            request_id = value.get("requestId")
            yield from (claude_message_id(key), api_call_id(key, request_id if isinstance(request_id, str) else None))
            yield from _of_blocks(key, message.get("content"))
    elif isinstance(own_id, str):
        yield from (tool_use_id(own_id), file_change_id(own_id))


def _of_blocks(key: str, content: Any) -> Iterator[UUID]:
    """Thinking, and calls without an id of their own."""
    for number, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict):
            continue
        if block.get("type") == "tool_use" and not block.get("id"):
            yield from (tool_use_id(f"{key}\n{number}"), file_change_id(f"{key}\n{number}"))
        signature, thinking = block.get("signature"), block.get("thinking")
        if isinstance(signature, str) and signature:
            yield thinking_id(key, signature, "")
        elif isinstance(thinking, str):
            yield thinking_id(key, "", thinking)
