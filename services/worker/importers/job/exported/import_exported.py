"""The import of an export of everything: its rows with their ids, its transcripts byte for byte. It reads from top to bottom.

1. open the archive and check every member of it (open_export.py). If anything is wrong, nothing is stored, and the job says what
2. store the rows table by table, some in each transaction: records as those of any import (persist), the rest by its own statements (besides.py)
3. put each transcript into the archive, and write its row (stored_transcripts.py)
4. at last keep out what was erased or dropped there (brought_tombstones.py)

Each transaction commits how far the job is. A worker that dies leaves a lease that ends; the next one checks the archive again and goes on from there.
Rows merge by the ranks of all imports, so a second import of the same export changes nothing, and an undo takes away what only this one brought.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import IO, Any, Final, TypeVar, cast

import msgspec

from services.worker import lock_order
from services.worker.aggregates.dropped_contributions import SESSIONS
from services.worker.archive.segments import Segment
from services.worker.importers.formats.export_manifest import ROW_TABLES_IN_ORDER, StoredTranscript, rows_member
from services.worker.importers.formats.exported_rows import (
    INVALID_ROW,
    RECORD_TABLES,
    ExportedRecord,
    read_exported_rows,
    rows_of_member,
)
from services.worker.importers.job import brought_base, errors, shards
from services.worker.importers.job.chunks import CHUNK_CHARACTERS, CHUNK_RECORDS, characters_of
from services.worker.importers.job.exported import besides
from services.worker.importers.job.exported.brought_tombstones import BroughtTombstone, bring_tombstones
from services.worker.importers.job.exported.open_export import OpenedExport, Refused, open_export
from services.worker.importers.job.exported.stored_transcripts import NotAsListed, put_segments, store_transcript
from services.worker.importers.job.lease import StallWatch, WatchedFile
from services.worker.importers.job.shards import Checkpoint, Progress, Shard
from services.worker.persist.dead_letters import NOTHING, Outcome, persist_isolating
from services.worker.persist.dropped_texts import sessions_without_texts
from services.worker.persist.live.close_idle import close_idle
from services.worker.persist.live.feed_items import append_to_feed
from services.worker.persist.ownership import foreign_sessions
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import KeptResults, Record, RecordError, TimelineEntry, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.persist.tombstones import Kind, with_tombstones
from services.worker.resources import Resources
from shared.blobs.stores import open_blob
from shared.redaction.redacted_structs import redact_structs

OTHER_IDLE_GAP: Final = "OTHER_IDLE_GAP"
BASE_LEFT_OUT: Final = "BASE_LEFT_OUT"
NOT_MERGED: Final = "NOT_MERGED"
_BASE_MESSAGE: Final = (
    "The numbers of sessions that the other tracker had dropped were left out: a tracker takes them that has no session of what is imported,"
    " since nothing tells whether such a session is here too."
)
_ROWS_AT_ONCE: Final = 1_000
_DAMAGED_AT_ITS_SOURCE: Final = "CONTENT_DAMAGED"

T = TypeVar("T")


class _Cancelled(Exception):
    """The job is to go no further."""


def run(worker: Resources, shard: Shard, watch: StallWatch) -> str:
    """Works on the import of an export to its end. Gives the outcome."""
    if shard.is_cancelled:
        return "cancelled"
    [file] = shard.files
    with open_blob(file["blob_url"]) as opened:
        upload = cast(IO[bytes], WatchedFile(opened, watch))
        try:
            [export] = watch.watched(map(open_export, [upload]))
        except Refused as refused:
            _refuse(worker, shard, file["name"], refused.error)
            return "succeeded"
        try:
            _Import(worker, shard, watch, export, file).run()
        except _Cancelled:
            return "cancelled"
    return "succeeded"


def _refuse(worker: Resources, shard: Shard, name: str, error: RecordError) -> None:
    """The job then fails, and its upload is deleted: it would be as damaged at the next try."""
    with worker.transaction() as connection:
        found = list(errors.of_reading([(name, error)]))
        shards.advance(connection, shard, Progress(Checkpoint(), 0, errors=found, is_damaged=True))


class _Import:
    """An import whose archive is as its manifest says."""

    def __init__(self, worker: Resources, shard: Shard, watch: StallWatch, export: OpenedExport, file: dict[str, Any]) -> None:
        self._worker = worker
        self._shard = shard
        self._watch = watch
        self._export = export
        self._file = file
        # Why rows were left out since the last transaction, and secrets that were found.
        self._errors: list[RecordError] = []
        self._redactions: dict[str, int] = {}
        # Unpacked.
        self._bytes_total = max(sum(member.bytes for member in export.manifest.members), 1)
        self._bytes_done = 0
        self._is_cancelled = False

    def run(self) -> None:
        """From the checkpoint on. _Cancelled, LeaseLostError."""
        if self._shard.checkpoint == Checkpoint():
            self._check_settings()
        for index, table in enumerate(ROW_TABLES_IN_ORDER):
            name = rows_member(table)
            if name not in self._export.members:
                continue
            if index >= self._shard.checkpoint.member:
                self._store_table(index, table, name)
            self._bytes_done += self._export.members[name].bytes

    def _check_settings(self) -> None:
        there, here = self._export.manifest.idle_gap_seconds, round(self._worker.idle_gap.total_seconds())
        if there != here:
            message = f"The other tracker counts pauses up to {there} s as active time, and this one {here} s: active times will differ."
            self._errors.append(RecordError(code=OTHER_IDLE_GAP, message=message))

    def _store_table(self, index: int, table: str, name: str) -> None:
        done = self._shard.checkpoint.records if index == self._shard.checkpoint.member else 0
        with self._export.open(name) as content:
            if table in RECORD_TABLES:
                self._store_records(index, table, content, done)
            elif table in brought_base.ROWS:
                self._store_base(index, table, content, done)
            elif table in besides.ROWS:
                self._store_besides(index, table, content, done)
            elif table == "transcript_files":
                self._store_transcripts(index, content, done)
            elif table == "tombstones":
                self._store_tombstones(index, content, done)
        if table == "projects" and self._shard.bound is None:
            self._merge_projects(name)
        self._commit_nothing(Checkpoint(0, index + 1))

    def _store_records(self, index: int, table: str, content: IO[bytes], done: int) -> None:
        """Of what a client sent, and of what files brought, by turns: a batch is one of the two."""
        bound_user = self._shard.bound.user if self._shard.bound is not None else None
        found = read_exported_rows(content, table, bound_user, self._shard.accepted_at)
        rows = enumerate(self._without_errors(found), 1)
        watched = self._watch.watched(islice(rows, done, None))
        for from_wire, of_kind in groupby(watched, key=lambda numbered: numbered[1].from_wire):
            batch: list[ExportedRecord] = []
            characters = number = 0
            for number, row in of_kind:
                batch.append(row)
                characters += characters_of(row.record)
                if len(batch) >= CHUNK_RECORDS or characters >= CHUNK_CHARACTERS:
                    self._persist(batch, from_wire, Checkpoint(0, index, number))
                    batch, characters = [], 0
            if batch:
                self._persist(batch, from_wire, Checkpoint(0, index, number))

    def _persist(self, rows: Sequence[ExportedRecord], from_wire: bool, checkpoint: Checkpoint) -> None:
        worker, shard = self._worker, self._shard
        kept = [row for row in rows if _is_kept(row.record, worker.kept_results)]
        if worker.settings.redact:
            redact_structs([row.record for row in kept], self._redactions)
        batch = [ReceivedEvent(row.record, row.received_at, shard.request_id, f"import:{shard.job_id}", bound=shard.bound) for row in kept]
        with worker.transaction() as connection:
            outcome = NOTHING
            if batch:
                outcome = persist_isolating(
                    connection, batch, idle_gap=worker.idle_gap, job_number=shard.job_number, is_clients_word=from_wire
                )
            _, for_feed = close_idle(connection, worker.settings.session_idle_seconds, job_number=shard.job_number)
            self._advance(connection, checkpoint, outcome, len(rows))
        append_to_feed(worker.redis, for_feed)
        self._check_cancelled()

    def _store_parts(
        self, index: int, rows: Iterator[T], done: int, store: Callable[[Any, list[T]], tuple[Outcome, Mapping[str, int]]]
    ) -> None:
        """Some rows in each transaction, with how far it is. `store` says what it persisted, and how many rows it left out, by reason."""
        number = done
        for part in self._watch.watched(_parts(islice(rows, done, None), _ROWS_AT_ONCE)):
            number += len(part)
            with self._worker.transaction() as connection:
                outcome, left_out = store(connection, part)
                skipped = {why: count for why, count in left_out.items() if count}
                self._advance(connection, Checkpoint(0, index, number), outcome, len(part), skipped=skipped)
            self._check_cancelled()

    def _store_besides(self, index: int, table: str, content: IO[bytes], done: int) -> None:
        def store(connection: Any, part: list[Any]) -> tuple[Outcome, Mapping[str, int]]:
            if table == "saved_views":
                besides.name_own_projects(connection, part, self._paths())
            stored = besides.store_rows(connection, self._shard, table, part, self._counted_redactions)
            persisted = Persisted(projects=stored.new if table == "projects" else 0)
            return Outcome(persisted, [], [], []), {errors.OF_ANOTHER_USER: stored.left_out}

        self._store_parts(index, self._without_errors(rows_of_member(content, besides.ROWS[table])), done, store)

    def _merge_projects(self, name: str) -> None:
        """When all projects are here: what was one there is one here, before any row comes. May be repeated."""
        with self._export.open(name) as content:
            for row in self._watch.watched(rows_of_member(content, besides.ROWS["projects"])):
                if not isinstance(row, RecordError):
                    with self._worker.transaction() as connection:
                        refusal = besides.merge_project(connection, row)
                    if refusal is not None:
                        self._errors.append(RecordError(code=NOT_MERGED, message=refusal))

    def _store_base(self, index: int, table: str, content: IO[bytes], done: int) -> None:
        """Numbers of dropped sessions."""
        parameters = {"job_number": self._shard.job_number, "idle_gap": self._worker.idle_gap}
        selection = self._export.manifest.selection
        paths = set(self._paths().values()) if selection.project_id is not None else None

        def store(connection: Any, part: list[Any]) -> tuple[Outcome, Mapping[str, int]]:
            if self._shard.bound is not None:
                return NOTHING, {errors.OF_ANOTHER_USER: len(part)}
            if brought_base.may_bring(connection, self._shard.job_number, selection.user, paths):
                brought_base.bring_rows(connection, table, part, parameters, self._counted_redactions)
                return NOTHING, {}
            if table == SESSIONS and done == 0:
                self._errors.append(RecordError(code=BASE_LEFT_OUT, message=_BASE_MESSAGE))
            return NOTHING, {BASE_LEFT_OUT: len(part)}

        self._store_parts(index, self._without_errors(rows_of_member(content, brought_base.ROWS[table])), done, store)

    def _paths(self) -> dict[int, str]:
        """The paths of the other tracker's projects by their ids there, which its saved views name."""
        with self._export.open(rows_member("projects")) as content:
            rows = rows_of_member(content, besides.ROWS["projects"])
            return {row.id: row.path for row in rows if not isinstance(row, RecordError)}

    def _store_transcripts(self, index: int, content: IO[bytes], done: int) -> None:
        rows: Iterator[StoredTranscript] = self._without_errors(rows_of_member(content, StoredTranscript))
        for number, file in enumerate(self._watch.watched(islice(rows, done, None)), done + 1):
            is_empty = not file.pieces and not (file.dropped_to and file.machine_id)
            if file.is_damaged or is_empty or not self._worker.settings.archive:
                if file.is_damaged:
                    message = "A transcript was damaged where the export was made; its rows are imported, its content is not."
                    self._errors.append(RecordError(code=_DAMAGED_AT_ITS_SOURCE, message=message))
                self._commit_nothing(Checkpoint(0, index, number))
                continue
            self._store_transcript(file, Checkpoint(0, index, number))

    def _store_transcript(self, file: StoredTranscript, checkpoint: Checkpoint) -> None:
        """One in each transaction: it may be of any length."""
        shard, store = self._shard, self._worker.archive
        try:
            with self._export.open(file.member) as content:
                segments = list(self._watch.watched(put_segments(store, content, file, self._counted_redactions)))
        except (KeyError, NotAsListed):
            self._errors.append(RecordError(code=INVALID_ROW, message="A transcript is not as rows/transcript_files.ndjson lists it."))
            self._commit_nothing(checkpoint)
            return
        bound_user = shard.bound.user if shard.bound is not None else None
        user = bound_user or file.user
        with self._worker.transaction() as connection:
            lock_order.lock_import_order(connection)
            # Who writes tombstones has writing exclusively.
            lock_order.lock_writing_shared(connection)
            if not foreign_sessions(connection, shard.bound, [file.session_id]) and not _is_gone(connection, file, user):
                store_transcript(connection, store, shard, *_without_dropped(connection, file, segments), user)
            self._bytes_done += sum(size for _, size in file.pieces)
            self._advance(connection, checkpoint, NOTHING, 1, files=1)
        self._check_cancelled()

    def _store_tombstones(self, index: int, content: IO[bytes], done: int) -> None:
        def store(connection: Any, part: list[BroughtTombstone]) -> tuple[Outcome, Mapping[str, int]]:
            if self._shard.bound is not None:
                return NOTHING, {errors.OF_ANOTHER_USER: len(part)}
            return NOTHING, {errors.TOMBSTONES_OF_SESSIONS_HERE: bring_tombstones(connection, part, self._shard.job_number)}

        self._store_parts(index, self._without_errors(rows_of_member(content, BroughtTombstone)), done, store)

    @property
    def _counted_redactions(self) -> dict[str, int] | None:
        return self._redactions if self._worker.settings.redact else None

    def _without_errors(self, found: Iterator[Any]) -> Iterator[Any]:
        for row in found:
            if isinstance(row, RecordError):
                self._errors.append(row)
            else:
                yield row

    def _commit_nothing(self, checkpoint: Checkpoint) -> None:
        with self._worker.transaction() as connection:
            self._advance(connection, checkpoint, NOTHING, 0)
        self._check_cancelled()

    def _advance(
        self,
        connection: Any,
        checkpoint: Checkpoint,
        outcome: Outcome,
        rows: int,
        *,
        skipped: dict[str, int] | None = None,
        files: int = 0,
    ) -> None:
        """Writes how far it is, in the transaction of what was stored. Behind it, _check_cancelled."""
        found = errors.of_reading((self._file["name"], error) for error in self._errors)
        progress = Progress(
            checkpoint,
            round(self._file["bytes"] * min(self._bytes_done / self._bytes_total, 1)),
            outcome.persisted,
            rows=rows,
            files=files,
            errors=[*found, *errors.of_foreign_records(outcome.foreign), *errors.of_dead_letters(outcome.dead)],
            skipped_records=errors.not_stored(outcome) | (skipped or {}),
            redactions=self._redactions,
        )
        self._is_cancelled = shards.advance(connection, self._shard, progress)
        self._errors, self._redactions = [], {}

    def _check_cancelled(self) -> None:
        if self._is_cancelled:
            raise _Cancelled


def _is_gone(connection: Any, file: StoredTranscript, user: str | None) -> bool:
    """Whether the session, or some of it, or its user was erased here or has expired, or nothing would be left of the file without its texts."""
    named: set[tuple[Kind, str]] = {("session", file.session_id)}
    is_gone = with_tombstones(connection, named if user is None else {*named, ("user", user)})
    return bool(is_gone) or (not file.machine_id and bool(sessions_without_texts(connection, [file.session_id])))


def _without_dropped(connection: Any, file: StoredTranscript, segments: list[Segment]) -> tuple[StoredTranscript, list[Segment]]:
    """Of a session whose texts were dropped here later than there: the file alone, so that its machine goes on behind it."""
    if segments and sessions_without_texts(connection, [file.session_id]) and not file.dropped_to:
        return msgspec.structs.replace(file, dropped_to=segments[-1].end_offset), []
    return file, segments


def _is_kept(record: Record, kept: KeptResults) -> bool:
    """Whether this tracker keeps it at all. Of a result that it does not keep, the call stays."""
    if isinstance(record, ToolUse) and record.result is not None and not kept.keeps(record.status):
        record.result = None
    return kept.thinking or not (isinstance(record, TimelineEntry) and record.kind == "thinking")


def _parts(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(rows, size)):
        yield part
