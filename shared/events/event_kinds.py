"""The registry of event kinds: the facts about each kind that both ingest and the worker need. Code that handles all kinds reads it.

The worker's part, by the same keys, is services/worker/persist/staging/event_kind_rows.py. The Struct gives the rest: the tag, the fields that
can hold text (shared/redaction/redacted_structs.py), the identifiers. CONTRIBUTING.md has the steps to add a kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct, inspect

from shared.events.messages import NO_CONTROL_CHARACTERS, Activity, Conversation, Event, SessionEnd, SessionStart, ToolCall

# The most that can be true of one event: lines of a file, tokens of an API call, a tool's time.
MAX_LINES: Final = 10_000_000
MAX_TOKENS: Final = 100_000_000
MAX_DURATION_MS: Final = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of event."""

    struct: type[Event]
    # Has a row for each stored event, under the event's id. `Prefer: wait` looks there.
    table: str
    # When it happened. Ingest fills it in where the client leaves it out.
    time_field: str = "timestamp"
    # The event's user. A key that is bound to a user sets it.
    user_field: str | None = None
    # An event without a session gets the only open session of its user.
    joins_open_session: bool = False
    # The most that each count can truly be, by path: "lines_added", "usage.input_tokens" (shared/events/plausible.py).
    most: Mapping[str, int] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Its `type` on the wire and in the journal, the label of its metrics, the kind of its dead letters."""
        return str(self.struct.__struct_config__.tag)


_KINDS: Final = (
    EventKind(SessionStart, "session_events", time_field="start_time", user_field="user"),
    EventKind(SessionEnd, "session_events", time_field="end_time"),
    EventKind(
        Conversation,
        "messages",
        most={
            "usage.input_tokens": MAX_TOKENS,
            "usage.output_tokens": MAX_TOKENS,
            "usage.cache_creation_input_tokens": MAX_TOKENS,
            "usage.cache_read_input_tokens": MAX_TOKENS,
        },
    ),
    EventKind(Activity, "activities", most={"lines_added": MAX_LINES, "lines_removed": MAX_LINES}),
    EventKind(
        ToolCall,
        "tool_calls",
        user_field="user",
        joins_open_session=True,
        most={"execution_time_ms": MAX_DURATION_MS},
    ),
)
KINDS: Final[Mapping[type[Event], EventKind]] = {kind.struct: kind for kind in _KINDS}


def identifiers(struct: type[Struct]) -> tuple[str, ...]:
    """The fields that name something and so must not have control characters: those that are annotated as `SessionId` or `Identifier`."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return tuple(each.encode_name for each in info.fields if _is_identifier(each.type))


def _is_identifier(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_identifier, kind.types))
    return isinstance(kind, inspect.Metadata) and (kind.extra_json_schema or {}).get("pattern") == NO_CONTROL_CHARACTERS["pattern"]
