"""Decodes the payloads of hooks: bytes to HookPayloads, before redaction."""

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from services.ingest.events.decode import check_identifier, parse
from services.ingest.events.event_ids import derived_id, new_id
from services.ingest.http import json_limits
from shared.claude_formats.hook_kinds import DROPPED, KEPT, OTHER
from shared.events.messages import SessionId
from shared.events.plausible import objection_to_time
from shared.http.errors import PayloadTooLarge

MAX_PAYLOAD_BYTES: Final = 1024**2
# For hooks of kinds that nothing knows.
UNKNOWN_SECONDS: Final = 60.0
MAX_UNKNOWN_KINDS: Final = 100
MAX_UNKNOWN_FIELDS: Final = 100


class _Hook(Struct):
    """The fields that ingest reads of a payload. `tracker_at`: when the hook ran, as the sender knows it."""

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
_fields: Final = msgspec.json.Decoder(dict[str, Raw])


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
    return json_limits.lines_of(body)


def decode(line: bytes, machine_id: str, now: datetime) -> Hook:
    """The hook of one line. ApiError if it is not JSON, too large, or no hook's payload."""
    if len(line) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(f"A hook's payload may have {MAX_PAYLOAD_BYTES} bytes, this has {len(line)}.")
    json_limits.check_text(line)
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


class UnknownKinds:
    """Lets a hook of a kind that nothing knows pass now and then, so that the worker counts its name. It may come many times a second."""

    def __init__(self) -> None:
        self._passed: OrderedDict[str, float] = OrderedDict()

    def may_pass(self, kind: str, now: float) -> bool:
        """Once a minute for each kind; a hundred kinds are told apart. `now`: seconds of a steady clock."""
        passed = self._passed.get(kind)
        if kind in DROPPED or (passed is not None and now < passed + UNKNOWN_SECONDS):
            return False
        self._passed[kind] = now
        self._passed.move_to_end(kind)
        if len(self._passed) > MAX_UNKNOWN_KINDS:
            self._passed.popitem(last=False)
        return True


def names_alone(hook: Hook) -> Hook:
    """The hook with the names of its fields and no value of them."""
    names = dict.fromkeys(list(_fields.decode(hook.text))[:MAX_UNKNOWN_FIELDS])
    text = msgspec.json.encode(names | {"session_id": hook.session_id, "hook_event_name": hook.kind})
    return replace(hook, text=text)


def label_of(kind: str) -> str:
    """The kind as a metric's label."""
    return kind if kind in KEPT or kind in DROPPED else OTHER
