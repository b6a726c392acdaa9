"""Between steps 5 and 6 of an event's path: a journal entry is opened, to the events in it, or buried whole.

An entry is an envelope of events, or a dead letter that is replayed (shared/journal/dead_letter_envelope.py).
"""

from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from services.worker.drain.entry_salvage import salvage
from services.worker.drain.stream_reader import DELIVERIES_BEFORE_ALONE, Entry
from services.worker.persist.records import ApiCall, FileChange, Message, ProjectSeen, Record, SessionFacts, ToolUse
from services.worker.persist.staging import Received
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, DeadLetter, decode_replay
from shared.journal.streams import dead_letter_entry_id
from shared.messages import Canary, Envelope, Event, decode_envelope
from shared.plausible import leave_out

log = structlog.get_logger()

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
        return Opened(letter, is_replay, _received(envelope, letter), canary=flying, reason=None if is_replay else _unseen(entry, envelope))
    except (ValueError, RecursionError) as error:
        return _in_parts(letter, is_replay) or Opened(letter, is_replay, reason=f"not readable: {error}")


def _unseen(entry: Entry, envelope: Envelope) -> str | None:
    """A newer ingest may put something beside the events that this release passes over. It is kept for one that knows it."""
    seen = len(envelope.events) + (envelope.canary is not None)
    if entry.events is None or entry.events <= seen:
        return None
    return f"it was accepted as {entry.events} events, of which this release of the worker sees {seen}; replay it with a newer one"


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
    """What the entry would be as a dead letter."""
    return DeadLetter(journal_entry_id=dead_letter_entry_id(entry.stream, entry.entry_id), kind=WHOLE_ENTRY, payload=entry.payload)


def _received(envelope: Envelope, letter: DeadLetter) -> list[Received]:
    if any(event.id is None for event in envelope.events):
        raise ValueError("an event has no id")
    inferred = set(envelope.inferred)
    return [_believed(event, envelope.received_at, envelope.request_id, letter, event.id in inferred) for event in envelope.events]


def _believed(event: Event, received_at: datetime, request_id: str, letter: DeadLetter, is_session_inferred: bool = False) -> Received:
    """Of an event that a release before this one accepted, what can be true."""
    if left_out := leave_out(event, received_at):
        log.warning("not_believed", event_id=str(event.id), left_out=left_out, request_id=request_id)
    return Received(event, received_at, request_id, letter.journal_entry_id, is_session_inferred)


def _read_one(letter: DeadLetter) -> list[Received]:
    event = _decoded(letter)
    if event.id is None:
        raise ValueError("an event has no id")
    received_at, request_id = letter.received_at or datetime.now(UTC), letter.request_id or ""
    if isinstance(event, Event):
        return [_believed(event, received_at, request_id, letter)]
    return [Received(event, received_at, request_id, letter.journal_entry_id)]


def _decoded(letter: DeadLetter) -> Event | Record:
    if letter.journal_entry_id.startswith(IMPORTED):
        if letter.kind not in _RECORDS:
            raise ValueError("a kind of record that is not known")
        record: Record = msgspec.json.decode(letter.payload, type=_RECORDS[letter.kind])
        return record
    event: Event = _event_decoder.decode(letter.payload)
    return event
