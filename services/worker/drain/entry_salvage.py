"""A journal entry that cannot be read as a whole: its readable events are told from the others, so that those alone become a dead letter."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from shared.messages import ENVELOPE_VERSION, Envelope, Event


class _Unread(Struct):
    """An envelope whose events are still text."""

    version: int
    request_id: str
    received_at: datetime
    events: list[Raw]
    inferred: list[UUID] = []


class Salvaged(Struct, frozen=True):
    """`readable` may be without events. `rest` is an entry of the unreadable ones alone, as they stood there; `reason` is about the first of them."""

    readable: Envelope
    rest: bytes
    reason: str


def salvage(payload: bytes) -> Salvaged | None:
    """What can be read of an entry; None if its events cannot be told apart, or are of a newer version."""
    try:
        unread = _envelope.decode(payload)
    except (ValueError, RecursionError):
        return None
    if unread.version > ENVELOPE_VERSION:
        return None
    events: list[Event] = []
    damaged: list[bytes] = []
    reasons: list[str] = []
    for text in unread.events:
        try:
            events.append(_event.decode(text))
        except (ValueError, RecursionError) as error:
            damaged.append(bytes(text))
            reasons.append(str(error))
    if not damaged:
        return None
    return Salvaged(
        Envelope(
            version=unread.version, request_id=unread.request_id, received_at=unread.received_at, events=events, inferred=unread.inferred
        ),
        _entry_of(unread, damaged),
        f"{len(damaged)} of {len(unread.events)} events not readable: {reasons[0]}"[:500],
    )


def _entry_of(unread: _Unread, damaged: list[bytes]) -> bytes:
    """Put together as bytes: what is to be kept may be no text."""
    head = msgspec.json.encode({"version": unread.version, "request_id": unread.request_id, "received_at": unread.received_at})
    return head[:-1] + b',"events":[' + b",".join(damaged) + b"]}"


_envelope = msgspec.json.Decoder(_Unread)
_event: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
