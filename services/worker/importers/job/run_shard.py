"""One shard of an import job, from its lease to its end. It reads from top to bottom; each step is a function called from here.

1. take the shard (shards.py); return if another worker has it or it has ended
2. renew its lease from a thread, which also watches whether reading gets on (lease.py)
3. open the uploads: an archive gives its members (archives/), any other file is its own only member
4. read the records of each member by its format (formats/), from the checkpoint on
5. gather records into chunks and redact them (chunks.py); the next chunk is read while one is stored
6. store each chunk in one transaction: rows, aggregates, checkpoint, the job's counts
7. end the shard; the last shard ends the job, whose uploads are then deleted

The lease of a worker that dies runs out, and the next worker goes on behind the last checkpoint. Reading a chunk twice adds nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import IO, Any, Final, NamedTuple, assert_never, cast
from uuid import UUID

import structlog
from psycopg import Connection

from services.worker import lock_order
from services.worker.archive.imported_content import Archiver, ImportedContent, archiver_of
from services.worker.archive.imported_files import ImportedFile, imported_file, store_files
from services.worker.archive.retention import delete_unneeded
from services.worker.importers.archives.archive_members import ArchiveSummary, Member, read_members
from services.worker.importers.archives.hashing import Hashing
from services.worker.importers.formats.plausible_records import Found
from services.worker.importers.formats.read_records import read_records
from services.worker.importers.formats.redacted_file import RedactedFile
from services.worker.importers.job import errors, shards, undo
from services.worker.importers.job.chunks import CUT_OFF, Chunk, EndedMember, WholeFiles, read_ahead, redact
from services.worker.importers.job.export import run_export
from services.worker.importers.job.exported import import_exported
from services.worker.importers.job.lease import StallWatch, WatchedFile, renewed
from services.worker.importers.job.reparse import run_reparse
from services.worker.importers.job.shards import Checkpoint, Progress, Shard
from services.worker.importers.unpacking_limits import LIMIT_EXCEEDED
from services.worker.job_failure import cannot_write, failure_of
from services.worker.kept_out import know_kept_out
from services.worker.persist.dead_letters import NOTHING, persist_isolating
from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.dropped_texts import sessions_without_texts
from services.worker.persist.live.close_idle import close_idle
from services.worker.persist.live.feed_items import append_to_feed
from services.worker.persist.ownership import foreign_sessions, session_of
from services.worker.persist.records import FileSummary, KeptResults, RecordError, SessionFacts, Unread
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.persist.tombstones import ranges_of, tombstoned_sessions
from services.worker.persist.unread_formats import count_unread, known_contents
from services.worker.resources import Resources
from services.worker.row_lease import MAX_ATTEMPTS, LeaseLostError
from shared.blobs.store import BlobStoreAway, BlobStoreError
from shared.blobs.stores import delete_blob, open_blob
from shared.claude_formats.upload_kinds import ARCHIVES, READER_VERSION, Kind
from shared.jobs import EXPORT, IMPORT, KINDS, REPARSE, UNDO, JobKind
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "run_shard.sql")

log = structlog.get_logger()


def run(worker: Resources, job_id: UUID, number: int) -> None:
    """Works on a shard to its end. Returns at once if another worker has it, or if it has ended."""
    with worker.transaction() as connection:
        shard = shards.take(connection, job_id, number)
    if shard is None:
        return
    with structlog.contextvars.bound_contextvars(request_id=shard.request_id, job_id=str(job_id), shard=number):
        try:
            watch = StallWatch()
            with renewed(worker.settings.database_url, shard, watch):
                _run_to_end(worker, shard, watch)
        except LeaseLostError:
            log.warning("shard_taken_over", reason="its lease was not renewed in time; another worker goes on with it")
        except BlobStoreAway:
            with worker.transaction() as connection:
                shards.put_back(connection, shard)
            raise
        except Exception as error:
            if not cannot_write(error):
                raise
            log.error("shard_cannot_write", reason=failure_of(error))
            _finish(worker, shard, _fail(worker, shard, "CANNOT_WRITE", failure_of(error)))


def _run_to_end(worker: Resources, shard: Shard, watch: StallWatch) -> None:
    started = time.perf_counter()
    outcome = _give_up(worker, shard) if shard.attempts > MAX_ATTEMPTS else WORK[KINDS[shard.kind]](worker, shard, watch)
    _finish(worker, shard, outcome)
    log.info("shard_finished", outcome=outcome, duration_ms=round((time.perf_counter() - started) * 1000))


def _finish(worker: Resources, shard: Shard, outcome: str) -> None:
    """Ends the shard, and with the last one the job."""
    with worker.transaction() as connection:
        ended = shards.finish(connection, shard, outcome)
    if ended is not None:
        status, has_files = ended
        if not has_files:
            delete_files(shard.files)
        log.info("job_finished", kind=shard.kind, status=status)


def _import(worker: Resources, shard: Shard, watch: StallWatch) -> str:
    """Reads and stores from the checkpoint on. Gives the outcome."""
    if any(file["kind"] == "tracker_export" for file in shard.files):
        return import_exported.run(worker, shard, watch)
    if shard.is_cancelled:
        return "cancelled"
    settings = worker.settings
    know_kept_out(worker)
    with archiver_of(worker.archive) as archiver:
        chunks = read_chunks(
            shard, worker.idle_gap, watch, archiver if settings.archive else None, redacts=settings.redact, kept_results=worker.kept_results
        )
        if settings.redact:
            chunks = map(redact, chunks)
        whole_files = WholeFiles()
        for chunk in read_ahead(watch.watched(chunks)):
            # Not by the thread that reads ahead, which has no connection. The scrub waits for chunks that it has read by then.
            know_kept_out(worker)
            if store_chunk(worker, shard, chunk, whole_files):
                return "cancelled"
    return "succeeded"


def read_chunks(
    shard: Shard,
    idle_gap: timedelta,
    watch: StallWatch,
    archiver: Archiver | None = None,
    *,
    redacts: bool,
    kept_results: KeptResults = ALL,
) -> Iterator[Chunk]:
    """The shard's records from its checkpoint on. Deterministic, so that a checkpoint means the same to every worker. Small members share a chunk.

    A transcript is redacted before it is read, as live capture gets it. It is archived while it is read, from its beginning even if its first
    records are skipped.
    """
    chunk = Chunk(shard.checkpoint)
    for start, source, upload in _sources(shard, watch):
        if source.error is not None:
            chunk.add(source.name, source.error)
        if source.content is not None:
            hashing = Hashing(source.content)
            content = cast(IO[bytes], hashing)
            counts: dict[str, int] = {}
            archived: ImportedContent | None = None
            if source.kind == "transcript":
                content = cast(IO[bytes], RedactedFile(content, counts)) if redacts else content
                archived = ImportedContent(content, hashing.tell, archiver) if archiver else None
            read = cast(IO[bytes], archived or content)
            noted = _Noted()
            found = _noting(read_records(read, source.kind, shard.user, idle_gap, shard.accepted_at, kept_results), noted)
            for records_done, record in enumerate(islice(found, start.records, None), start.records + 1):
                watch.moved()
                chunk.add(source.name, record)
                if chunk.is_full:
                    chunk.checkpoint, chunk.bytes_done = Checkpoint(start.file, start.member, records_done), upload.tell()
                    chunk.take_redactions(counts)
                    yield chunk
                    chunk = Chunk()
            chunk.take_redactions(counts)
            kept = archived.finished() if archived else None
            sha256 = hashing.digest() if start.records == 0 else None
            chunk.ended.append(EndedMember(len(chunk.records), sha256, source.name, kept, frozenset(noted.facts_ids), noted.unread))
            chunk.files += 1
            start = Checkpoint(start.file, start.member + 1)
        chunk.checkpoint, chunk.bytes_done = Checkpoint(start.file, start.member), upload.tell()
        if chunk.is_full:
            yield chunk
            chunk = Chunk(chunk.checkpoint, chunk.bytes_done)
    yield chunk


@dataclass(slots=True)
class _Noted:
    """Facts and unread names of a member, also from records that are skipped."""

    facts_ids: set[UUID] = field(default_factory=set)
    unread: dict[Unread, int] = field(default_factory=dict)


def _noting(found: Iterator[Found], noted: _Noted) -> Iterator[Found]:
    """The same records."""
    for record in found:
        if isinstance(record, SessionFacts):
            noted.facts_ids.add(record.id)
        elif isinstance(record, FileSummary):
            noted.unread = record.unread
        yield record


class _Source(NamedTuple):
    """A member of an upload to read, or why it cannot be read."""

    name: str
    kind: Kind
    content: IO[bytes] | None
    error: RecordError | None = None


@dataclass(frozen=True, slots=True)
class _OwnIndexes:
    """Every `shards`-th index is a shard's own, here those from `start` on."""

    number: int
    shards: int
    start: int

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and index % self.shards == self.number and index >= self.start


def _sources(shard: Shard, watch: StallWatch) -> Iterator[tuple[Checkpoint, _Source, IO[bytes]]]:
    """The members that are this shard's own and not done, each with where to start in it and the upload that it is in."""
    for index, file in enumerate(shard.files):
        if index < shard.checkpoint.file:
            continue
        is_first = index == shard.checkpoint.file
        own = _OwnIndexes(shard.number, shard.shards, shard.checkpoint.member if is_first else 0)
        with open_blob(file["blob_url"]) as opened:
            upload = cast(IO[bytes], WatchedFile(opened, watch))
            members = _archive_members(file, upload, own) if file["kind"] in ARCHIVES else _only_member(file, upload, index, own)
            for member, source in members:
                is_at_checkpoint = is_first and member == shard.checkpoint.member
                yield Checkpoint(index, member, shard.checkpoint.records if is_at_checkpoint else 0), source, upload


def _only_member(file: dict[str, Any], upload: IO[bytes], index: int, own: _OwnIndexes) -> Iterator[tuple[int, _Source]]:
    """Files that are no archives are dealt to the shards by their place among the files."""
    if index % own.shards == own.number and own.start == 0:
        yield 0, _Source(file["name"], file["kind"], upload)


def _archive_members(file: dict[str, Any], upload: IO[bytes], own: _OwnIndexes) -> Iterator[tuple[int, _Source]]:
    """Members of an archive are dealt to the shards by their index in it."""
    index = own.start
    for found in read_members(upload, file["kind"], only=own):
        match found:
            case Member():
                index = found.index
                yield index, _Source(found.name, found.kind, found.file)
            case RecordError():
                # Every shard meets damage of the archive itself, and only the first reports it. But of a zip each shard unpacks its own
                # members alone, so each may exceed a limit.
                is_own_limit = file["kind"] == "zip" and found.code == LIMIT_EXCEEDED
                if own.number == 0 or found.code not in CUT_OFF or is_own_limit:
                    yield index, _Source(file["name"], file["kind"], None, found)
            case ArchiveSummary():
                pass
            case _:
                assert_never(found)


def store_chunk(worker: Resources, shard: Shard, chunk: Chunk, whole_files: WholeFiles) -> bool:
    """Stores a chunk and the progress that it is, in one transaction. True if the job is to be cancelled. LeaseLostError if it is another's."""
    now = datetime.now(UTC)
    transcripts = [file for each in chunk.ended if each.archived and (file := imported_file(each.name, each.archived, each.facts_ids))]
    with worker.transaction() as connection:
        entry = f"import:{shard.job_id}"
        batch = [ReceivedEvent(each, now, shard.request_id, entry, bound=shard.bound, user=shard.user) for each in chunk.records]
        outcome = NOTHING
        if batch:
            # It stages the batch before it takes the order of imports, for which other shards wait.
            outcome = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=shard.job_number)
        has_unread = any(each.unread for each in chunk.ended)
        if transcripts or has_unread:
            # Stored contents of their files may not change until these are stored. The lock is there unless nothing of the batch was stored.
            lock_order.lock_import_order(connection)
        left_out = _store_transcripts(worker, connection, shard, transcripts, {session_of(received.event) for received in outcome.foreign})
        if has_unread:
            count_unread(connection, _unread_of_new(connection, chunk.ended))
        if complete := whole_files.after(chunk, {received.event.id for received in (*outcome.refused, *outcome.dead)}):
            # The same content need not be sent again.
            parameters = {"sha256s": complete, "job_number": shard.job_number, "reader_version": READER_VERSION}
            connection.execute(_SQL.imported_files, parameters)
        progress = Progress(
            chunk.checkpoint,
            chunk.bytes_done,
            outcome.persisted,
            rows=len(chunk.records),
            files=chunk.files,
            errors=[*errors.of_reading(chunk.errors), *errors.of_foreign_records(outcome.foreign), *errors.of_dead_letters(outcome.dead)],
            unknown_records=chunk.unknown_records,
            skipped_records=chunk.skipped_records | errors.not_stored(outcome),
            redactions=chunk.redactions,
            is_damaged=chunk.is_damaged,
        )
        if outcome.left_out:
            session_ids = sorted({session_id for each in outcome.left_out if (session_id := session_of(each.event)) is not None})
            connection.execute(_SQL.forget_names, {"session_ids": session_ids, "job_number": shard.job_number})
        # A session of last year is never shown as open.
        _, for_feed = close_idle(connection, worker.settings.session_idle_seconds, job_number=shard.job_number)
        is_cancelled = shards.advance(connection, shard, progress)
    append_to_feed(worker.redis, for_feed)
    if left_out:
        # They were put while they were read. Segments that cannot be deleted now are collected within a day.
        delete_unneeded(worker, {segment.sha256.hex() for file in left_out for segment in file.segments})
    return is_cancelled


def _unread_of_new(connection: Connection[Any], ended: list[EndedMember]) -> Counter[Unread]:
    """Counts of unread names in the members. A content that was imported before, or comes twice, does not count again."""
    seen = known_contents(connection, [member.sha256 for member in ended if member.unread and member.sha256 is not None])
    unread: Counter[Unread] = Counter()
    for member in ended:
        if member.unread and member.sha256 not in seen:
            unread.update(member.unread)
            if member.sha256 is not None:
                seen.add(member.sha256)
    return unread


def _store_transcripts(
    worker: Resources, connection: Connection[Any], shard: Shard, files: list[ImportedFile], refused: Collection[str | None]
) -> list[ImportedFile]:
    """Those of foreign sessions, of sessions of which something was erased or whose texts were dropped, are left out, and given back.

    `refused`: sessions of which records were left out.
    """
    session_ids = {file.place.session_id for file in files}
    refused = {
        *refused,
        *foreign_sessions(connection, shard.bound, session_ids),
        *tombstoned_sessions(connection, session_ids),
        *ranges_of(connection, session_ids),
        *sessions_without_texts(connection, session_ids),
    }
    kept = [file for file in files if file.place.session_id not in refused]
    if kept:
        job_number, store = shard.job_number, worker.archive
        store_files(connection, store, kept, user=shard.user, job_number=job_number, parser_version=READER_VERSION)
    return [file for file in files if file.place.session_id in refused]


def _undo(worker: Resources, shard: Shard) -> str:
    """Removes what another job brought, some of it in each transaction. Gives the outcome."""
    number = shard.undoes
    assert number is not None
    with worker.transaction() as connection:
        undo.forget_contents(connection, number)
        shards.advance(connection, shard, Progress(Checkpoint(), 0))
    is_more = True
    while is_more:
        with worker.transaction() as connection:
            is_more = undo.undo_some(worker, connection, number)
            if not is_more:
                undo.clear_up(connection, number)
            shards.advance(connection, shard, Progress(Checkpoint(), 0))
    return "succeeded"


# The work of each kind of job of files. It gives the outcome.
WORK: Final[dict[JobKind, Callable[[Resources, Shard, StallWatch], str]]] = {
    IMPORT: _import,
    UNDO: lambda worker, shard, _: _undo(worker, shard),
    REPARSE: lambda worker, shard, _: run_reparse.run(worker, shard),
    EXPORT: lambda worker, shard, _: run_export.run(worker, shard),
}


def _give_up(worker: Resources, shard: Shard) -> str:
    """For a shard that was begun too often without progress. Gives the outcome."""
    log.error("shard_given_up", attempts=shard.attempts)
    message = f"The import was begun {MAX_ATTEMPTS} times and never got on; see the worker's log, then retry it."
    if shard.kind == EXPORT.name:
        message = f"The export was begun {MAX_ATTEMPTS} times and never ended; see the worker's log, then start another."
    return _fail(worker, shard, "GIVEN_UP", message)


def _fail(worker: Resources, shard: Shard, code: str, message: str) -> str:
    """Adds an error to the job's. Gives the outcome."""
    error = {"code": code, "message": message}
    with worker.transaction() as connection:
        shards.advance(connection, shard, Progress(shard.checkpoint, 0, errors=[error]))
    return "given_up"


def delete_files(files: list[dict[str, Any]]) -> None:
    """An upload holds what the import left out, secrets above all, so it goes as soon as it can. The sweep finds what cannot be deleted now."""
    for file in files:
        try:
            delete_blob(file["blob_url"])
        except BlobStoreError as error:
            log.warning("upload_not_deleted", blob_url=file["blob_url"], reason=str(error))


def delete_old_files(worker: Resources) -> None:
    """Deletes the uploads of jobs that were given up a day ago and not retried."""
    with worker.transaction() as connection:
        forgotten = shards.forget_files(connection)
    for files in forgotten:
        delete_files(files)
        log.info("upload_deleted", reason="its job failed a day ago and was not tried again", files=len(files))
