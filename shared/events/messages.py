"""The events that clients send, the journal carries and the worker stores: one set of types for all three.

A client may leave out `id` and times. Ingest fills them in, so in the journal they are always set.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from shared.events.readings import Reading

ENVELOPE_VERSION = 1

# Every stored time is between these. New events have narrower bounds (shared/events/plausible.py).
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

# Ingest checks this, and decoding does not: what was accepted must be read, whatever a later release refuses. NUL becomes U+FFFD, as in texts.
NO_CONTROL_CHARACTERS = {"pattern": r"^[^\u0001-\u001f\u007f-\u009f]*$"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
SessionId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="Claude Code's own id of the session, or any string without control characters.",
        extra_json_schema=NO_CONTROL_CHARACTERS,
    ),
]
Path = Annotated[str, Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Identifier = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema=NO_CONTROL_CHARACTERS)]
# The range that the journal can carry. Ingest accepts less (shared/events/plausible.py).
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
# ISO 8601. A naive time is UTC.
Time = datetime
ToolStatus = Literal["success", "error", "rejected", "cancelled", "timeout", "pending"]


def has_control_characters(text: str) -> bool:
    """Whether in lists, logs and line-based files it could look like another text, or like two."""
    return not text.isprintable() and _CONTROL.search(text) is not None


class Usage(Struct, omit_defaults=True):
    """Tokens of one API call."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    cache_read_input_tokens: Count = 0


class SessionStart(Struct, tag="session_start", omit_defaults=True, kw_only=True):
    """A session begins, or goes on, in a project."""

    project_path: Path
    start_time: Time | None = None
    user: Identifier | None = None
    session_id: SessionId | None = None
    git_branch: Name | None = None
    model: Name | None = None
    client_version: Name | None = None
    source: Name | None = None
    id: UUID | None = None


class SessionEnd(Struct, tag="session_end", omit_defaults=True, kw_only=True):
    """A session ends. The latest of several ends counts."""

    session_id: SessionId
    end_time: Time | None = None
    source: Name | None = None
    id: UUID | None = None


class Conversation(Struct, tag="conversation", omit_defaults=True, kw_only=True):
    """One message of a person or of Claude."""

    session_id: SessionId
    content: Annotated[str, Meta(max_length=1_048_576)]
    role: Literal["user", "assistant"]
    timestamp: Time | None = None
    model: Name | None = None
    usage: Usage | None = None
    source: Name | None = None
    id: UUID | None = None


class Activity(Struct, tag="activity", omit_defaults=True, kw_only=True):
    """A file was created, modified or deleted."""

    session_id: SessionId
    file_path: Path
    action: Literal["created", "modified", "deleted"]
    lines_added: Count = 0
    lines_removed: Count = 0
    timestamp: Time | None = None
    source: Name | None = None
    id: UUID | None = None


class GivenMedia(Struct, omit_defaults=True, kw_only=True):
    """An image, or another file, among what a call gave back. Its data is not sent."""

    type: Name
    bytes: Count = 0


class GivenResult(Struct, omit_defaults=True, kw_only=True):
    """The result of a tool call."""

    text: Annotated[str, Meta(max_length=1_048_576)] = ""
    media: Annotated[list[GivenMedia], Meta(max_length=100)] = []


class ToolCall(Struct, tag="tool_call", omit_defaults=True, kw_only=True):
    """Claude used a tool. Without a session it counts in the global stats only."""

    tool_name: Identifier
    result_status: ToolStatus
    parameters: dict[str, Any] | UnsetType = UNSET
    # A text, or a text with media. The worker stores of a long one the beginning and the end.
    result: Annotated[str, Meta(max_length=1_048_576)] | GivenResult | UnsetType = UNSET
    execution_time_ms: Count | None = None
    timestamp: Time | None = None
    session_id: SessionId | None = None
    user: Identifier | None = None
    source: Name | None = None
    id: UUID | None = None


Event = SessionStart | SessionEnd | Conversation | Activity | ToolCall


class Binding(Struct, frozen=True, omit_defaults=True):
    """The user and projects that a write's API key is bound to; None: not bound. The worker holds it to its own sessions (persist/ownership.py)."""

    user: str | None = None
    project_ids: tuple[int, ...] | None = None


UNBOUND = Binding()


def binding(user: str | None, project_ids: Iterable[int] | None) -> Binding | None:
    """None if a key is bound to neither."""
    return None if user is None and project_ids is None else Binding(user, None if project_ids is None else tuple(project_ids))


class Canary(Struct, kw_only=True):
    """An event of the tracker's own. It goes through the whole pipeline, to show that it works."""

    id: UUID
    sent_at: datetime


class HookPayload(Struct, omit_defaults=True, kw_only=True):
    """A payload of a hook of Claude Code. `payload` is its JSON, redacted. `occurred_at` is when the hook ran, else when ingest received it."""

    id: UUID
    session_id: SessionId
    payload: str
    occurred_at: datetime
    machine_id: str = ""
    user: str | None = None
    # The user that the API key was bound to, who must not touch sessions of others; None: not bound.
    bound_user: str | None = None


# An id that a machine's shipper makes at random.
MACHINE_ID = "[A-Za-z0-9_-]{1,64}"
# The machine of a range whose sender names none. Files of imports have the machine "", and are other files.
UNNAMED_MACHINE = "-"


class TranscriptRange(Struct, omit_defaults=True, kw_only=True):
    """Whole lines of a transcript, redacted. Offsets are in bytes of the file as it is on its machine."""

    session_id: SessionId
    file_name: str
    start_offset: int
    end_offset: int
    content: str
    machine_id: str = ""
    generation: int = 0
    user: str | None = None
    # As in HookPayload.
    bound_user: str | None = None


class Signal(Struct, omit_defaults=True, kw_only=True):
    """A log record, metric point or span of Claude Code's telemetry, with the attributes that are kept (services/ingest/telemetry).

    `attributes` is a JSON object, redacted. `value`, `started_at` and `is_cumulative` are of a metric.
    """

    id: UUID
    session_id: SessionId
    kind: Literal["event", "metric", "span"]
    name: Name
    occurred_at: datetime
    tool_use_id: Name | None = None
    attributes: str = "{}"
    value: float | None = None
    started_at: datetime | None = None
    is_cumulative: bool | None = None
    machine_id: str = ""
    user: str | None = None
    # As in HookPayload.
    bound_user: str | None = None


# Items that live capture sends, beside events.
CapturedItem = HookPayload | TranscriptRange | Signal | Reading


class Envelope(Struct, omit_defaults=True, kw_only=True):
    """The contents of one journal entry: the events of one request, or a chunk of them.

    It is JSON, so that an operator can read the journal. `version` is the shape of everything inside. A reader understands its own version and
    all older ones (tests/unit/shared/journal_samples). A canary comes in an entry of its own, in a field beside the events. So a worker that
    does not know canaries ignores it, and makes no dead letter of it.
    """

    version: int
    request_id: str
    received_at: datetime
    events: list[Event]
    canary: Canary | None = None
    hooks: list[HookPayload] = []
    ranges: list[TranscriptRange] = []
    signals: list[Signal] = []
    readings: list[Reading] = []
    # Ids of the events whose session ingest inferred. Sent again, such an event may get another session, and is still the same event.
    inferred: list[UUID] = []
    # The binding of the API key that brought the events; None: not bound. Hooks, ranges, signals and readings have their own.
    bound: Binding | None = None


def encode_envelope(envelope: Envelope) -> bytes:
    """The bytes of a journal entry."""
    return _encoder.encode(envelope)


def decode_envelope(payload: bytes) -> Envelope:
    """The envelope of a journal entry. ValueError if it is not one, or of a newer version; RecursionError if it is nested too deeply."""
    envelope = _envelope_decoder.decode(payload)
    if envelope.version > ENVELOPE_VERSION:
        raise msgspec.ValidationError(f"envelope version {envelope.version} is newer than this worker's {ENVELOPE_VERSION}")
    return envelope


_encoder = msgspec.json.Encoder()
_envelope_decoder = msgspec.json.Decoder(Envelope)
