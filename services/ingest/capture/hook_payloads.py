"""Decodes the payloads of hooks: bytes to HookPayloads, before redaction."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from services.ingest.events.decode import check_identifier, parse
from services.ingest.events.event_ids import derived_id, new_id
from services.ingest.http import json_limits
from shared.claude_formats.hook_kinds import DROPPED, KEPT, OTHER
from shared.events.messages import SessionId
from shared.events.plausible import objection_to_time
from shared.http.errors import PayloadTooLarge

MAX_PAYLOAD_BYTES: Final = 1024**2


class _Hook(Struct):
    """What ingest reads of a payload. `tracker_at`: when the hook ran, as the sender knows it."""

    session_id: SessionId
    hook_event_name: str
    tracker_at: str | None = None


class Hook(Struct, frozen=True):
    """A payload that can be kept. `text` is its JSON on one line."""

    session_id: str
    kind: str
    occurred_at: datetime
    id: UUID
    text: bytes


_hook: Final = msgspec.json.Decoder(_Hook)
_whole: Final = msgspec.json.Decoder(Raw)


def lines_of(body: bytes, media_type: bytes) -> list[bytes]:
    """The payloads of a body, each on one line: one JSON object, whatever its layout, or NDJSON."""
    if not media_type.endswith(b"/x-ndjson"):
        try:
            _whole.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            pass
        else:
            # In JSON, a line feed can only stand between values.
            return [body.replace(b"\n", b" ").strip()]
    return [line for line in map(bytes.strip, body.split(b"\n")) if line]


def decode(line: bytes, machine_id: str, now: datetime) -> Hook:
    """The hook of one line. ApiError if it is not JSON, too large, or no hook's payload."""
    if len(line) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(f"A hook's payload may have {MAX_PAYLOAD_BYTES} bytes, this has {len(line)}.")
    json_limits.check_utf8(line)
    text = json_limits.storable(line)
    hook = parse(text, _hook)
    json_limits.check_depth(text)
    check_identifier(hook.session_id, "session_id")
    # With its time, a payload that is sent again is the same. Without, a session may say the same thing twice.
    hook_id = derived_id("hook", machine_id, line.decode()) if hook.tracker_at else new_id()
    return Hook(hook.session_id, hook.hook_event_name, _time_of(hook.tracker_at, now), hook_id, text)


def _time_of(text: str | None, now: datetime) -> datetime:
    """The time that a sender names; now, if it names none or one that cannot be true. A wrong clock must not keep the hook out."""
    if text is None:
        return now
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return now
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return now if objection_to_time(aware, now) else aware.astimezone(UTC)


def label_of(kind: str) -> str:
    """The kind as a metric's label."""
    return kind if kind in KEPT or kind in DROPPED else OTHER
