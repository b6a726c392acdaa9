"""Reads the next ranges of a captured file into records, and stores the records of some files in one transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

from psycopg import Connection

from services.worker import lock_order
from services.worker.capture.capture_job import CaptureJob, add_counts
from services.worker.capture.captured_files import CapturedFile, UnreadRange, advance, superseded_facts, unread_ranges
from services.worker.capture.parser_states import ParserState
from services.worker.importers.formats.plausible_records import plausible
from services.worker.importers.job import errors
from services.worker.importers.job.chunks import CHUNK_CHARACTERS, CHUNK_RECORDS, characters_of
from services.worker.persist.dead_letters import NOTHING, Outcome, persist_isolating
from services.worker.persist.live.captured_feed import Before, CapturedItem, before_captured, captured_items
from services.worker.persist.live.close_idle import close_idle
from services.worker.persist.ownership import without
from services.worker.persist.records import FileSummary, Record, RecordError, SessionFacts, Unread
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.persist.tombstones import tombstoned_sessions
from services.worker.persist.unread_formats import count_unread
from services.worker.resources import Resources
from shared.claude_formats.upload_kinds import READER_VERSION
from shared.events.messages import binding
from shared.redaction.redact import redact_text
from shared.redaction.redacted_structs import redact_structs

K = TypeVar("K")
_FORGET_FILES: Final = "DELETE FROM transcript_files WHERE session_id = ANY(%(session_ids)s)"


@dataclass(slots=True)
class FileReading:
    """The records of some ranges of a file: those that they complete, then those that are still open behind them."""

    file: CapturedFile
    end_offset: int
    events: list[ReceivedEvent] = field(default_factory=list)
    errors: list[RecordError] = field(default_factory=list)
    unknown_records: dict[str, int] = field(default_factory=dict)
    unread: dict[Unread, int] = field(default_factory=dict)
    skipped_records: dict[str, int] = field(default_factory=dict)
    redactions: dict[str, int] = field(default_factory=dict)
    # All facts that the file gives by now, which take the place of those that it gave before.
    facts_ids: set[UUID] = field(default_factory=set)
    characters: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.events) >= CHUNK_RECORDS or self.characters >= CHUNK_CHARACTERS

    @property
    def records(self) -> list[Record]:
        return [event.event for event in self.events if isinstance(event.event, Record)]


def read_next(
    worker: Resources, connection: Connection[Any], job: CaptureJob, file: CapturedFile, state: ParserState
) -> FileReading | None:
    """Reads the next ranges of a file, one at least, until there are records enough for a transaction. None if nothing new is stored.

    The state moves along: without a commit it must be forgotten.
    """
    before = state.transcript.summary()
    reading = FileReading(file, file.parsed_offset)
    last: UnreadRange | None = None
    for unread in unread_ranges(connection, file.id, file.parsed_offset):
        if unread.start_offset != reading.end_offset:
            break
        _add(reading, job, unread, state.read(unread))
        reading.end_offset, last = unread.end_offset, unread
        if reading.is_full:
            break
    if last is None:
        return None
    _add(reading, job, last, open_records := list(state.transcript.so_far()))
    reading.facts_ids = {record.id for record in open_records if isinstance(record, SessionFacts)}.union(state.settled_facts)
    after = state.transcript.summary()
    reading.unknown_records = _grown(before.unknown_records, after.unknown_records)
    reading.unread = _grown(before.unread, after.unread)
    reading.skipped_records = _grown(before.skipped_records, after.skipped_records)
    if worker.settings.redact:
        # A range is redacted already when it arrives, field by field. Joined texts may show more.
        redact_structs(reading.records, reading.redactions)
        reading.unknown_records = {redact_text(kind): count for kind, count in reading.unknown_records.items()}
    return reading


def store(worker: Resources, connection: Connection[Any], job: CaptureJob, readings: Sequence[FileReading]) -> list[CapturedItem]:
    """Stores readings and how far their files are read, in one transaction. Gives what to tell the live feed.

    MovedOnError if somebody else has read or deleted one of the files meanwhile; then nothing is stored.
    """
    with connection.transaction():
        lock_order.lock_import_order(connection)
        batch = [received for reading in readings for received in reading.events]
        outcome, for_feed = NOTHING, list[CapturedItem]()
        if batch:
            facts_ids = set[UUID]().union(*(reading.facts_ids for reading in readings))
            superseded = superseded_facts(connection, [reading.file.id for reading in readings], facts_ids)
            before = before_captured(connection, batch)
            outcome = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=job.number, superseded_facts=superseded)
            for_feed = captured_items(connection, before, without(batch, outcome.refused))
            for_feed += _close_history(worker, connection, batch, before)
            _keep_facts_of_refused(readings, outcome.refused)
        _note(connection, job, readings, outcome)
        # A file of a new session that began with what was erased: only its records said so.
        gone = tombstoned_sessions(connection, {each.file.session_id for each in readings}) if outcome.left_out else set()
        if gone:
            connection.execute(_FORGET_FILES, {"session_ids": sorted(gone)})
        for reading in sorted((each for each in readings if each.file.session_id not in gone), key=lambda reading: reading.file.id):
            advance(connection, reading.file, reading.end_offset, reading.facts_ids, READER_VERSION)
    return for_feed


def _close_history(worker: Resources, connection: Connection[Any], batch: Sequence[ReceivedEvent], before: Before) -> list[CapturedItem]:
    """A machine that was just connected sends its transcripts of months. Sessions of which nothing is recent are closed at once."""
    session_ids = {session_id for received in batch if (session_id := getattr(received.event, "session_id", None))}
    old = session_ids.difference(before.session_ids)
    if not old:
        return []
    _, items = close_idle(connection, worker.settings.session_idle_seconds, session_ids=old)
    return [CapturedItem(item) for item in items]


def _keep_facts_of_refused(readings: Sequence[FileReading], refused: Sequence[ReceivedEvent]) -> None:
    """Where records of a file were left out, the facts of its last reading stay: its new ones may be among them."""
    objects = set(map(id, refused))
    for reading in readings:
        if any(id(received) in objects for received in reading.events):
            reading.facts_ids.update(reading.file.facts_ids)


def _add(reading: FileReading, job: CaptureJob, unread: UnreadRange, found: Iterable[Record | RecordError]) -> None:
    for record in plausible(found, unread.received_at):
        match record:
            case RecordError():
                reading.errors.append(record)
            case FileSummary():
                pass
            case _:
                # Dead letters are replayed as those of the job.
                bound = binding(reading.file.bound_user, None)
                entry, user = f"import:{job.id}", reading.file.user
                reading.events.append(ReceivedEvent(record, unread.received_at, unread.request_id, entry, bound=bound, user=user))
                reading.characters += characters_of(record)


def _note(connection: Connection[Any], job: CaptureJob, readings: Sequence[FileReading], outcome: Outcome) -> None:
    count_unread(connection, _sum(reading.unread for reading in readings))
    found = [(redact_text(reading.file.name), error) for reading in readings for error in reading.errors]
    add_counts(
        connection,
        job,
        outcome.persisted,
        bytes_read=sum(reading.end_offset - reading.file.parsed_offset for reading in readings),
        rows=sum(len(reading.events) for reading in readings),
        errors=[*errors.of_reading(found), *errors.of_foreign_records(outcome.foreign), *errors.of_dead_letters(outcome.dead)],
        unknown_records=_sum(reading.unknown_records for reading in readings),
        skipped_records=_sum([*(reading.skipped_records for reading in readings), errors.not_stored(outcome)]),
        redactions=_sum(reading.redactions for reading in readings),
    )


def _sum(counts: Iterable[dict[K, int]]) -> dict[K, int]:
    total: Counter[K] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _grown(before: dict[K, int], after: dict[K, int]) -> dict[K, int]:
    return {name: more for name, count in after.items() if (more := count - before.get(name, 0)) > 0}
