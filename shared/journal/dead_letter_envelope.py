"""A dead letter that is replayed: ingest appends it to the journal, and the worker treats it as the original entry, delivered again.

It is the payload of a journal entry, as an envelope is. It holds the failed event byte for byte, so that unreadable data is not lost.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.events.messages import Binding, CapturedItem, HookPayload, Signal, TranscriptRange
from shared.events.readings import Reading

# Kind of a dead letter that is a whole journal entry: one that could not be read, or that killed its worker.
WHOLE_ENTRY: Final = "journal_entry"
# Kinds of dead letters that are what live capture brought.
HOOK_KIND, RANGE_KIND, SIGNAL_KIND, READING_KIND = "hook_payload", "transcript_range", "signal", "reading"
CAPTURED: Final[dict[str, type[CapturedItem]]] = {
    HOOK_KIND: HookPayload,
    RANGE_KIND: TranscriptRange,
    SIGNAL_KIND: Signal,
    READING_KIND: Reading,
}
# Reason of a dead letter whose id another event has. The row with that id is the other event, so only its own replay can store it.
ID_TAKEN: Final = "its id is another event's; it was not stored, send it under an id of its own"
# No envelope starts like this.
_BEGINNING: Final = b'{"dead_letter":'


class DeadLetter(Struct, omit_defaults=True, kw_only=True):
    """The failed event. `journal_entry_id` and `event_id` are its key: replays and repetitions are the same row.

    `journal_entry_id` is the entry in which it first came, or `import:` and the job's id. `payload` is one event in JSON, a record of an
    import as its kind says, or for a WHOLE_ENTRY the bytes that were in the journal.
    """

    journal_entry_id: str
    event_id: UUID | None = None
    kind: str
    request_id: str | None = None
    received_at: datetime | None = None
    payload: bytes
    # The API key that brought the event: a replay may not do more than the key could.
    bound: Binding | None = None


class _Events(Struct):
    events: list[msgspec.Raw]
    hooks: list[msgspec.Raw] = []
    ranges: list[msgspec.Raw] = []
    signals: list[msgspec.Raw] = []
    readings: list[msgspec.Raw] = []


class _Replay(Struct):
    dead_letter: DeadLetter


def encode_replay(dead_letter: DeadLetter) -> bytes:
    """The payload of a journal entry."""
    return msgspec.json.encode(_Replay(dead_letter))


def decode_replay(payload: bytes) -> DeadLetter | None:
    """The dead letter in a payload; None if it is no replay. ValueError if it is a replay that cannot be read."""
    if not payload.startswith(_BEGINNING):
        return None
    return msgspec.json.decode(payload, type=_Replay).dead_letter


def events_in(dead_letter: DeadLetter) -> int:
    """The number of events its replay is accepted for: as many as the worker will find, or one if they cannot be separated."""
    if dead_letter.kind != WHOLE_ENTRY:
        return 1
    try:
        found = msgspec.json.decode(dead_letter.payload, type=_Events)
    except (ValueError, RecursionError):
        return 1
    return len(found.events) + len(found.hooks) + len(found.ranges) + len(found.signals) + len(found.readings)
