"""Decodes a journal entry to its events. An undecodable part becomes a dead letter: the whole entry, or only its unreadable events.

An entry is an envelope of events, or a dead letter that is replayed (shared/journal/dead_letter_envelope.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, cast, get_args
from uuid import UUID

import msgspec
import structlog
from msgspec import Raw, Struct
from psycopg import Connection

from services.worker.drain.store_captured import Received
from services.worker.drain.stream_reader import DELIVERIES_BEFORE_ALONE, Entry
from services.worker.importers.formats.plausible_records import is_plausible
from services.worker.persist.dead_letters import dead_letter_of, persist_isolating, write_dead_letter
from services.worker.persist.ownership import reason_of_refusal
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import Record
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from shared.events.messages import (
    ENVELOPE_VERSION,
    Binding,
    Canary,
    CapturedItem,
    Envelope,
    Event,
    HookPayload,
    Signal,
    TranscriptRange,
    binding,
    decode_envelope,
)
from shared.events.plausible import leave_out
from shared.events.readings import Reading
from shared.journal.dead_letter_envelope import CAPTURED, WHOLE_ENTRY, DeadLetter, decode_replay
from shared.journal.streams import dead_letter_entry_id
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "entry_decoder.sql")

NOT_BELIEVED = "its time cannot be true"
TAKEN_BACK = "its import was taken back, or is not known"


def persist_replayed_records(
    connection: Connection[Any], batch: Sequence[ReceivedEvent], *, idle_gap: timedelta
) -> tuple[Persisted, int, int]:
    """Stores records job by job, as persist_isolating() does; gives what is new, how many are dead, and how many are left out.

    A record whose import was undone is not wanted: it becomes a dead letter again. The account counts events, not rows: each stored record
    counts as one message or one duplicate.
    """
    duplicates = dead = left_out = 0
    for journal_entry_id in sorted({received.journal_entry_id for received in batch}):
        of_job = [received for received in batch if received.journal_entry_id == journal_entry_id]
        job = connection.execute(_SQL.job, {"journal_entry_id": journal_entry_id}).fetchone()
        if job is None:
            dead += _write_dead_letters(connection, of_job, TAKEN_BACK)
            continue
        number, bound_user, bound_projects = job
        # The binding of the job's key; records of live capture have that of the key that brought them.
        bound = binding(bound_user, bound_projects)
        of_job = [replace(received, bound=received.bound or bound) for received in of_job]
        absurd = [received for received in of_job if not is_plausible(cast(Record, received.event), received.received_at)]
        dead += _write_dead_letters(connection, absurd, NOT_BELIEVED)
        of_job = [received for received in of_job if received not in absurd]
        # The staging tables still have what this transaction persisted before.
        clear(connection)
        outcome = persist_isolating(connection, of_job, idle_gap=idle_gap, job_number=number)
        for received in outcome.foreign:
            write_dead_letter(connection, dead_letter_of(received), reason_of_refusal(received))
        dead += len(outcome.dead) + len(outcome.foreign)
        left_out += len(outcome.left_out)
        duplicates += min(outcome.persisted.duplicates, len(of_job) - len(outcome.dead) - len(outcome.refused))
    return Persisted(messages=len(batch) - dead - left_out - duplicates, duplicates=duplicates), dead, left_out


def _write_dead_letters(connection: Connection[Any], batch: Sequence[ReceivedEvent], reason: str) -> int:
    for received in batch:
        write_dead_letter(connection, dead_letter_of(received), reason)
    return len(batch)


log = structlog.get_logger()

IMPORTED: Final = "import:"
_RECORDS: Final[dict[str, type[Record]]] = {record.__name__: record for record in get_args(Record)}


class DecodedEntry(Struct, frozen=True):
    """The contents of an entry. If `reason` is set, the rest of the entry, or all of it, becomes `dead_letter` for that reason."""

    dead_letter: DeadLetter
    is_replay: bool = False
    events: list[ReceivedEvent] = []
    captured: list[Received] = []
    # With the time at which it was received.
    canary: tuple[Canary, datetime] | None = None
    reason: str | None = None

    @property
    def is_of_import(self) -> bool:
        """Whether its only event is a record of an import."""
        return self.dead_letter.journal_entry_id.startswith(IMPORTED)


class Salvaged(Struct, frozen=True):
    """`readable` may have no events. `rest` is an entry of the unreadable ones alone, byte for byte; `reason` is about the first of them."""

    readable: Envelope
    rest: bytes
    reason: str


class _RawEnvelope(Struct):
    """An envelope whose events are not decoded."""

    version: int
    request_id: str
    received_at: datetime
    events: list[Raw]
    hooks: list[Raw] = []
    ranges: list[Raw] = []
    signals: list[Raw] = []
    readings: list[Raw] = []
    inferred: list[UUID] = []
    bound: Binding | None = None


T = TypeVar("T")

_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_hook_decoder = msgspec.json.Decoder(HookPayload)
_range_decoder = msgspec.json.Decoder(TranscriptRange)
_signal_decoder = msgspec.json.Decoder(Signal)
_reading_decoder = msgspec.json.Decoder(Reading)
_raw_envelope_decoder = msgspec.json.Decoder(_RawEnvelope)


def decode_entry(entry: Entry) -> DecodedEntry:
    """Never raises: an entry that cannot be read, or that has killed its worker too often, has a reason."""
    replayed = _replayed(entry)
    dead_letter = replayed or _dead_letter_of(entry)
    is_replay = replayed is not None
    if entry.deliveries > DELIVERIES_BEFORE_ALONE:
        return DecodedEntry(dead_letter, is_replay, reason=f"a worker died with it {entry.deliveries - 1} times")
    try:
        if dead_letter.kind != WHOLE_ENTRY:
            if dead_letter.kind in CAPTURED:
                return DecodedEntry(dead_letter, is_replay, captured=[_single_captured(dead_letter)])
            return DecodedEntry(dead_letter, is_replay, [_single_event(dead_letter)])
        envelope = decode_envelope(dead_letter.payload)
        canary = (envelope.canary, envelope.received_at) if envelope.canary else None
        reason = None if is_replay else _reason_if_newer(entry, envelope)
        return DecodedEntry(dead_letter, is_replay, _events_of(envelope, dead_letter), _captured_of(envelope, dead_letter), canary, reason)
    except (ValueError, RecursionError) as error:
        return _decode_in_parts(dead_letter, is_replay) or DecodedEntry(dead_letter, is_replay, reason=f"not readable: {error}")


def salvage(payload: bytes) -> Salvaged | None:
    """Separates the readable events of an entry from the others. None if they cannot be separated, or have a newer version."""
    try:
        raw = _raw_envelope_decoder.decode(payload)
    except (ValueError, RecursionError):
        return None
    if raw.version > ENVELOPE_VERSION:
        return None
    reasons: list[str] = []
    events, bad_events = _sorted_out(raw.events, _event_decoder, reasons)
    hooks, bad_hooks = _sorted_out(raw.hooks, _hook_decoder, reasons)
    ranges, bad_ranges = _sorted_out(raw.ranges, _range_decoder, reasons)
    signals, bad_signals = _sorted_out(raw.signals, _signal_decoder, reasons)
    readings, bad_readings = _sorted_out(raw.readings, _reading_decoder, reasons)
    if not reasons:
        return None
    readable = Envelope(
        version=raw.version,
        request_id=raw.request_id,
        received_at=raw.received_at,
        events=events,
        hooks=hooks,
        ranges=ranges,
        signals=signals,
        readings=readings,
        inferred=raw.inferred,
        bound=raw.bound,
    )
    # Joined as bytes, since damaged events may not be text.
    bound = {} if raw.bound is None else {"bound": raw.bound}
    head = msgspec.json.encode({"version": raw.version, "request_id": raw.request_id, "received_at": raw.received_at, **bound})
    rest = head[:-1] + b',"events":[' + b",".join(bad_events) + b"]"
    for name, damaged in ((b"hooks", bad_hooks), (b"ranges", bad_ranges), (b"signals", bad_signals), (b"readings", bad_readings)):
        rest += b',"%b":[%b]' % (name, b",".join(damaged)) if damaged else b""
    total = len(raw.events) + len(raw.hooks) + len(raw.ranges) + len(raw.signals) + len(raw.readings)
    return Salvaged(readable, rest + b"}", f"{len(reasons)} of {total} events not readable: {reasons[0]}"[:500])


def _sorted_out(texts: Sequence[Raw], decoder: msgspec.json.Decoder[T], reasons: list[str]) -> tuple[list[T], list[bytes]]:
    """The readable ones, and the bytes of the others, for which `reasons` grows."""
    readable: list[T] = []
    damaged: list[bytes] = []
    for text in texts:
        try:
            readable.append(decoder.decode(text))
        except (ValueError, RecursionError) as error:
            damaged.append(bytes(text))
            reasons.append(str(error))
    return readable, damaged


def _decode_in_parts(dead_letter: DeadLetter, is_replay: bool) -> DecodedEntry | None:
    """The readable events of an entry that cannot be read as a whole. None if they cannot be separated."""
    salvaged = salvage(dead_letter.payload) if dead_letter.kind == WHOLE_ENTRY else None
    if salvaged is None or any(event.id is None for event in salvaged.readable.events):
        return None
    rest = msgspec.structs.replace(dead_letter, payload=salvaged.rest)
    events, captured = _events_of(salvaged.readable, dead_letter), _captured_of(salvaged.readable, dead_letter)
    return DecodedEntry(rest, is_replay, events, captured, reason=salvaged.reason)


def _reason_if_newer(entry: Entry, envelope: Envelope) -> str | None:
    """A newer ingest may put fields beside the events that this release ignores. The entry is kept for a release that knows them."""
    captured = len(envelope.hooks) + len(envelope.ranges) + len(envelope.signals) + len(envelope.readings)
    known = len(envelope.events) + captured + (envelope.canary is not None)
    if entry.events is None or entry.events <= known:
        return None
    return f"it was accepted as {entry.events} events, of which this release of the worker sees {known}; replay it with a newer one"


def _replayed(entry: Entry) -> DeadLetter | None:
    try:
        return decode_replay(entry.payload)
    except ValueError:
        # It is no envelope either, so it becomes a dead letter as it is.
        return None


def _dead_letter_of(entry: Entry) -> DeadLetter:
    """The whole entry as a dead letter."""
    return DeadLetter(journal_entry_id=dead_letter_entry_id(entry.stream, entry.entry_id), kind=WHOLE_ENTRY, payload=entry.payload)


def _events_of(envelope: Envelope, dead_letter: DeadLetter) -> list[ReceivedEvent]:
    if any(event.id is None for event in envelope.events):
        raise ValueError("an event has no id")
    inferred = set(envelope.inferred)
    return [
        _plausible(event, envelope.received_at, envelope.request_id, dead_letter, envelope.bound, is_session_inferred=event.id in inferred)
        for event in envelope.events
    ]


def _captured_of(envelope: Envelope, dead_letter: DeadLetter) -> list[Received]:
    items: list[CapturedItem] = [*envelope.hooks, *envelope.ranges, *envelope.signals, *envelope.readings]
    return [Received(item, envelope.received_at, envelope.request_id, dead_letter.journal_entry_id) for item in items]


def _single_captured(dead_letter: DeadLetter) -> Received:
    item: Any = msgspec.json.decode(dead_letter.payload, type=CAPTURED[dead_letter.kind])
    return Received(item, dead_letter.received_at or datetime.now(UTC), dead_letter.request_id or "", dead_letter.journal_entry_id)


def _single_event(dead_letter: DeadLetter) -> ReceivedEvent:
    """The event, or the record of an import, that a replayed dead letter is."""
    event: Event | Record
    if not dead_letter.journal_entry_id.startswith(IMPORTED):
        event = _event_decoder.decode(dead_letter.payload)
    elif dead_letter.kind in _RECORDS:
        event = msgspec.json.decode(dead_letter.payload, type=_RECORDS[dead_letter.kind])
    else:
        raise ValueError("a kind of record that is not known")
    if event.id is None:
        raise ValueError("an event has no id")
    received_at, request_id = dead_letter.received_at or datetime.now(UTC), dead_letter.request_id or ""
    if isinstance(event, Event):
        return _plausible(event, received_at, request_id, dead_letter, dead_letter.bound)
    return ReceivedEvent(event, received_at, request_id, dead_letter.journal_entry_id, bound=dead_letter.bound)


def _plausible(
    event: Event,
    received_at: datetime,
    request_id: str,
    dead_letter: DeadLetter,
    bound: Binding | None,
    *,
    is_session_inferred: bool = False,
) -> ReceivedEvent:
    """Without values that cannot be true, which an ingest with other bounds accepted."""
    if left_out := leave_out(event, received_at):
        log.warning("not_believed", event_id=str(event.id), left_out=left_out, request_id=request_id)
    return ReceivedEvent(event, received_at, request_id, dead_letter.journal_entry_id, is_session_inferred, bound)
