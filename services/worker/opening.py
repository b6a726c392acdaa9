"""Between steps 5 and 6 of an event's path: a journal entry is opened, to the events in it, or buried whole.

An entry is an envelope of events, or a dead letter that is replayed (shared/replays.py).
"""

from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from services.worker.damaged_entries import salvage
from services.worker.records import ApiCall, FileChange, Message, ProjectSeen, Record, SessionFacts, ToolUse
from services.worker.staging import Received
from services.worker.take import DELIVERIES_BEFORE_ALONE, Entry
from shared.journal import stream_key
from shared.messages import Canary, Envelope, Event, decode_envelope
from shared.replays import WHOLE_ENTRY, DeadLetter, decode_replay

IMPORTED: Final = "import:"
_RECORDS: Final[dict[str, type[Record]]] = {
    record.__name__: record for record in (ProjectSeen, SessionFacts, Message, ToolUse, FileChange, ApiCall)
}
_event_decoder = msgspec.json.Decoder(Event)


class Opened(Struct, frozen=True):
    """What is in an entry. `received` are its events; `reason` says why the rest of it, or all, is to be buried as `letter`."""

    letter: DeadLetter
    is_replay: bool = False
    received: list[Received] = []
    # With the time at which it was received.
    canary: tuple[Canary, datetime] | None = None
    reason: str | None = None

    @property
    def is_of_import(self) -> bool:
        """Whether it is a record that came with an import."""
        return self.letter.journal_entry_id.startswith(IMPORTED)


def open_entry(entry: Entry) -> Opened:
    """Never raises: what cannot be read, or killed its worker again and again, has a reason."""
    replayed = _replayed(entry)
    letter = replayed or _letter_of(entry)
    is_replay = replayed is not None
    if entry.deliveries > DELIVERIES_BEFORE_ALONE:
        return Opened(letter, is_replay, reason=f"a worker died with it {entry.deliveries - 1} times")
    try:
        if letter.kind != WHOLE_ENTRY:
            return Opened(letter, is_replay, _read_one(letter))
        envelope = decode_envelope(letter.payload)
        flying = (envelope.canary, envelope.received_at) if envelope.canary else None
        return Opened(letter, is_replay, _received(envelope, letter), canary=flying)
    except (ValueError, RecursionError) as error:
        return _in_parts(letter, is_replay) or Opened(letter, is_replay, reason=f"not readable: {error}")


def _in_parts(letter: DeadLetter, is_replay: bool) -> Opened | None:
    """What can be read of an entry that cannot be read as a whole; None if nothing can be told apart."""
    salvaged = salvage(letter.payload) if letter.kind == WHOLE_ENTRY else None
    if salvaged is None or any(event.id is None for event in salvaged.readable.events):
        return None
    rest = msgspec.structs.replace(letter, payload=salvaged.rest)
    return Opened(rest, is_replay, _received(salvaged.readable, letter), reason=salvaged.reason)


def _replayed(entry: Entry) -> DeadLetter | None:
    try:
        return decode_replay(entry.payload)
    except ValueError:
        # Then it is no envelope either, and is buried as what it is.
        return None


def _letter_of(entry: Entry) -> DeadLetter:
    """What the entry would be as a dead letter. Entries of different streams may have the same id."""
    entry_id = entry.entry_id if entry.stream == stream_key(0) else f"{entry.stream}/{entry.entry_id}"
    return DeadLetter(journal_entry_id=entry_id, kind=WHOLE_ENTRY, payload=entry.payload)


def _received(envelope: Envelope, letter: DeadLetter) -> list[Received]:
    if any(event.id is None for event in envelope.events):
        raise ValueError("an event has no id")
    return [Received(event, envelope.received_at, envelope.request_id, letter.journal_entry_id) for event in envelope.events]


def _read_one(letter: DeadLetter) -> list[Received]:
    event = _decoded(letter)
    if event.id is None:
        raise ValueError("an event has no id")
    return [Received(event, letter.received_at or datetime.now(UTC), letter.request_id or "", letter.journal_entry_id)]


def _decoded(letter: DeadLetter) -> Event | Record:
    if letter.journal_entry_id.startswith(IMPORTED):
        if letter.kind not in _RECORDS:
            raise ValueError("a kind of record that is not known")
        record: Record = msgspec.json.decode(letter.payload, type=_RECORDS[letter.kind])
        return record
    event: Event = _event_decoder.decode(letter.payload)
    return event
