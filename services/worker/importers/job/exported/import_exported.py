"""The import of an export of everything: its rows with their ids, its transcripts byte for byte. It reads from top to bottom.

1. open the archive and check every member of it (open_export.py). If anything is wrong, nothing is stored, and the job says what
2. store the rows table by table, some in each transaction: records as those of any import (persist), the rest by its own statements (besides.py)
3. put each transcript into the archive, and write its row (stored_transcripts.py)
4. at last keep out what was erased or dropped there (brought_tombstones.py)

Each transaction commits how far the job is. A worker that dies leaves a lease that ends; the next one checks the archive again and goes on from there.
Rows merge by the ranks of all imports, so a second import of the same export changes nothing, and an undo takes away what only this one brought.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import IO, Any, Final, TypeVar, cast

import msgspec

from services.worker import lock_order
from services.worker.importers.formats import exported_base, exported_besides
from services.worker.importers.formats.export_manifest import StoredTranscript, row_tables_in_order, rows_member
from services.worker.importers.formats.exported_besides import BESIDES, type_of_rows, with_own_projects
from services.worker.importers.formats.exported_rows import (
    INVALID_ROW,
    RECORD_TABLES,
    ExportedRecord,
    invalid_row,
    read_exported_rows,
    rows_of_member,
)
from services.worker.importers.job import brought_base, errors, shards
from services.worker.importers.job.chunks import CHUNK_CHARACTERS, CHUNK_RECORDS, characters_of
from services.worker.importers.job.exported import besides, export_base, rights
from services.worker.importers.job.exported.brought_tombstones import BroughtTombstone, bring_tombstones
from services.worker.importers.job.exported.export_base import ExportBase
from services.worker.importers.job.exported.open_export import OpenedExport, Refused, open_export
from services.worker.importers.job.exported.stored_parts import Store, Stored, is_kept, stored_isolating
from services.worker.importers.job.exported.stored_transcripts import NotAsListed, is_gone, put_segments, store_transcript, without_dropped
from services.worker.importers.job.lease import StallWatch, WatchedFile
from services.worker.importers.job.shards import Checkpoint, Progress, Shard
from services.worker.persist.dead_letters import NOTHING, Outcome, persist_isolating
from services.worker.persist.live.close_idle import close_idle
from services.worker.persist.live.feed_items import append_to_feed
from services.worker.persist.ownership import foreign_sessions
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import ApiCall, Record, RecordError
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.blobs.stores import open_blob
from shared.redaction.redacted_structs import redact_structs

OTHER_IDLE_GAP: Final = "OTHER_IDLE_GAP"
NOT_MERGED: Final = "NOT_MERGED"
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
        self._base = ExportBase(export, shard, watch)
        self._base_is_refused = False

    def run(self) -> None:
        """From the checkpoint on. _Cancelled, LeaseLostError."""
        if self._shard.checkpoint == Checkpoint():
            self._check_settings()
        for index, table in enumerate(row_tables_in_order()):
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
            elif table in exported_base.ROWS:
                self._store_base(index, table, content, done)
            elif table in exported_besides.besides():
                self._store_besides(index, table, content, done)
            elif table == "transcript_files":
                self._store_transcripts(index, content, done)
            elif table == "tombstones":
                self._store_tombstones(index, content, done)
        if table == "projects":
            self._merge_projects(name)
        self._commit_nothing(Checkpoint(0, index + 1))

    def _store_records(self, index: int, table: str, content: IO[bytes], done: int) -> None:
        """Rows that a client sent and rows that files brought come by turns: a batch has one of the two."""
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
        kept = [row for row in rows if is_kept(row.record, worker.kept_results)]
        if worker.settings.redact:
            redact_structs([row.record for row in kept], self._redactions)
        batch = [ReceivedEvent(row.record, row.received_at, shard.request_id, f"import:{shard.job_id}", bound=shard.bound) for row in kept]
        lines = {id(row.record): row.line for row in kept}
        with worker.transaction() as connection:
            outcome, skipped = NOTHING, self._without_prices(connection, [row.record for row in kept])
            if batch:
                outcome = persist_isolating(
                    connection, batch, idle_gap=worker.idle_gap, job_number=shard.job_number, is_clients_word=from_wire
                )
            _, for_feed = close_idle(connection, worker.settings.session_idle_seconds, job_number=shard.job_number)
            self._errors += (invalid_row(lines[id(dead.event)], f"see the dead letter of event {dead.event.id}") for dead in outcome.dead)
            self._advance(connection, checkpoint, outcome, len(rows), skipped=skipped)
        append_to_feed(worker.redis, for_feed)
        self._check_cancelled()

    def _without_prices(self, connection: Any, records: Sequence[Record]) -> dict[str, int]:
        """Calls cost here what this tracker's prices say, unless the key may say otherwise. Gives how many prices were left out, by reason."""
        priced = [record for record in records if isinstance(record, ApiCall) and record.price is not None]
        if not priced or (refusal := rights.refusal(connection, self._shard.job_number, rights.PRICES)) is None:
            return {}
        for call in priced:
            call.price = None
        return {refusal: len(priced)}

    def _store_parts(self, index: int, table: str, rows: Iterator[tuple[int, T]], done: int, store: Store[T]) -> None:
        """Some rows in each transaction, with how far it is. Rows that the key may not bring are left out."""
        number = done
        for part in self._watch.watched(_parts(islice(rows, done, None), _ROWS_AT_ONCE)):
            number += len(part)
            with self._worker.transaction() as connection:
                refusal = rights.refusal(connection, self._shard.job_number, table)
                stored = self._stored(connection, part, store) if refusal is None else Stored(left_out={refusal: len(part)})
                outcome = Outcome(Persisted(projects=stored.projects), [], [], [])
                self._advance(connection, Checkpoint(0, index, number), outcome, len(part), skipped=stored.left_out)
            self._check_cancelled()

    def _stored(self, connection: Any, part: Sequence[tuple[int, T]], store: Store[T]) -> Stored:
        stored = stored_isolating(connection, part, store)
        self._errors += (invalid_row(line, why) for line, why in stored.refused.items())
        return stored

    def _store_besides(self, index: int, table: str, content: IO[bytes], done: int) -> None:
        rows = self._without_errors(rows_of_member(content, type_of_rows(table)))
        if table == "saved_views":
            with self._worker.transaction() as connection:
                ids = besides.own_projects(connection, export_base.paths_of(self._export))
            rows = ((line, msgspec.structs.replace(view, address=with_own_projects(view.address, ids))) for line, view in rows)

        def store(connection: Any, part: list[Any]) -> Stored:
            new = besides.store_rows(connection, self._shard, table, part, self._counted_redactions)
            return Stored(projects=new if table == "projects" else 0)

        self._store_parts(index, table, rows, done, store)

    def _merge_projects(self, name: str) -> None:
        """When all projects are here: what was one there is one here, before any row comes. May be repeated."""

        def merge(connection: Any, part: list[Any]) -> Stored:
            [project] = part
            if (refusal := besides.merge_project(connection, project, self._shard.job_number)) is not None:
                self._errors.append(RecordError(code=NOT_MERGED, message=refusal))
            return Stored()

        with self._export.open(name) as content:
            for row in self._watch.watched(rows_of_member(content, BESIDES["projects"])):
                if not isinstance(row, RecordError):
                    with self._worker.transaction() as connection:
                        if rights.refusal(connection, self._shard.job_number, "projects") is None:
                            self._stored(connection, [row], merge)

    def _store_base(self, index: int, table: str, content: IO[bytes], done: int) -> None:
        """Numbers of dropped sessions. Why they are left out is told once."""

        def store(connection: Any, part: list[Any]) -> Stored:
            refusal = self._base.refusal(connection)
            if refusal is None:
                brought_base.bring_rows(connection, table, part, self._shard.job_number, self._counted_redactions)
                return Stored()
            if not self._base_is_refused:
                self._errors.append(refusal)
                self._base_is_refused = True
            return Stored(left_out={refusal.code: len(part)})

        self._store_parts(index, table, self._without_errors(rows_of_member(content, exported_base.ROWS[table])), done, store)

    def _store_transcripts(self, index: int, content: IO[bytes], done: int) -> None:
        rows: Iterator[tuple[int, StoredTranscript]] = self._without_errors(rows_of_member(content, StoredTranscript))
        for number, (line, file) in enumerate(self._watch.watched(islice(rows, done, None)), done + 1):
            is_empty = not file.pieces and not (file.dropped_to and file.machine_id)
            if file.is_damaged or is_empty or not self._worker.settings.archive:
                if file.is_damaged:
                    message = "A transcript was damaged where the export was made; its rows are imported, its content is not."
                    self._errors.append(RecordError(code=_DAMAGED_AT_ITS_SOURCE, message=message))
                self._commit_nothing(Checkpoint(0, index, number))
                continue
            self._store_transcript(line, file, Checkpoint(0, index, number))

    def _store_transcript(self, line: int, file: StoredTranscript, checkpoint: Checkpoint) -> None:
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
            # A writer of tombstones has writing exclusively.
            lock_order.lock_writing_shared(connection)
            if not foreign_sessions(connection, shard.bound, [file.session_id]) and not is_gone(connection, file, user):

                def stored(connection: Any, part: list[StoredTranscript]) -> Stored:
                    store_transcript(connection, store, shard, *without_dropped(connection, part[0], segments), user)
                    return Stored()

                self._stored(connection, [(line, file)], stored)
            self._bytes_done += sum(size for _, size in file.pieces)
            self._advance(connection, checkpoint, NOTHING, 1, files=1)
        self._check_cancelled()

    def _store_tombstones(self, index: int, content: IO[bytes], done: int) -> None:
        def store(connection: Any, part: list[BroughtTombstone]) -> Stored:
            of_sessions_here = bring_tombstones(connection, part, self._shard.job_number)
            return Stored(left_out={errors.TOMBSTONES_OF_SESSIONS_HERE: of_sessions_here} if of_sessions_here else {})

        self._store_parts(index, "tombstones", self._without_errors(rows_of_member(content, BroughtTombstone)), done, store)

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
        skipped: Mapping[str, int] | None = None,
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
            errors=[*found, *errors.of_foreign_records(outcome.foreign)],
            skipped_records=errors.not_stored(outcome) | dict(skipped or {}),
            redactions=self._redactions,
        )
        self._is_cancelled = shards.advance(connection, self._shard, progress)
        self._errors, self._redactions = [], {}

    def _check_cancelled(self) -> None:
        if self._is_cancelled:
            raise _Cancelled


def _parts(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    while part := list(islice(rows, size)):
        yield part
