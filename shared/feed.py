"""The live feed: what has just happened, as the worker tells it and the query service shows it (`GET /api/live`).

After each commit the worker appends items to one capped Redis Stream. An entry has one field, a JSON array of items. The feed is best effort: an item
that is lost is a hole in the live view, not in the data. So nothing reads the feed but live views.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.events.messages import ToolStatus
from shared.sessions.session_state import State, StateSource

FEED_KEY: Final = "feed"
ITEMS_FIELD: Final = b"items"
# A mark for an entry without items: the entries before it were rewritten, and a reader that keeps some must read them again.
REWRITTEN_FIELD: Final = b"rewritten"
# About this many entries are kept. An entry holds about so many bytes, or one larger item: so the stream has at most some 30 MB.
FEED_ENTRIES: Final = 1_000
ENTRY_BYTES: Final = 32_768
# Characters that are shown of a prompt or reply.
TEXT_CHARACTERS: Final = 500

Kind = Literal[
    "session_started",
    "session_ended",
    "session_reopened",
    "prompt",
    "reply",
    "tool_started",
    "tool_finished",
    "file_changed",
    "waiting",
    # Nothing else tells of it.
    "state_changed",
]


# Without gc: thousands of these would make Python's collector look at everything else again. They hold no references that could make a circle.
class FeedItem(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One thing that happened. Fields are named as in the lists of the API; a field that does not apply is absent."""

    kind: Kind
    timestamp: datetime | None = None
    # The row's id, for a message, a tool call or a change of a file.
    id: UUID | None = None
    session_id: str | None = None
    project_id: int | None = None
    project_name: str | None = None
    user: str | None = None
    machine_id: str | None = None
    agent_id: str | None = None
    # The session's.
    title: str | None = None
    # person, claude, summary, command or prompt.
    title_source: str | None = None
    # Why a session ended, as its `end_reason`. The reason for which it waits: `permission`, `input`, `error`.
    reason: str | None = None
    # The beginning of a prompt or reply, redacted.
    content: str | None = None
    model: str | None = None
    tool_name: str | None = None
    result_status: ToolStatus | None = None
    execution_time_ms: int | None = None
    file_path: str | None = None
    action: Literal["created", "modified", "deleted"] | None = None
    lines_added: int | None = None
    lines_removed: int | None = None
    # The session's state after this: of the last item of a session in a batch.
    state: State | None = None
    # The source of the state.
    state_source: StateSource | None = None
    since: datetime | None = None
    running_tool: str | None = None
    running_input: str | None = None
    asks: str | None = None
    error: str | None = None
    # The session's subagents (shared/sessions/agent_state.py); None: none that would be told of.
    agents: list[dict[str, Any]] | None = None


def encode_items(items: Iterable[FeedItem]) -> Iterator[bytes]:
    """The items as the values of entries, in order."""
    parts: list[bytes] = []
    size = 0
    for item in items:
        part = _encode(item)
        if parts and size + len(part) > ENTRY_BYTES:
            yield b"[" + b",".join(parts) + b"]"
            parts, size = [], 0
        parts.append(part)
        size += len(part)
    if parts:
        yield b"[" + b",".join(parts) + b"]"


def decode_items(value: bytes) -> list[FeedItem]:
    """The items of an entry. msgspec.MsgspecError for an item of a newer version's kind, or anything else that is no item."""
    return _decode(value)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[FeedItem]).decode
