"""A chunk of an import into the database, in one transaction: rows, aggregates, the share's position, the job's counts."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from services.worker.importers.job import shards
from services.worker.importers.job.chunks import Chunk
from services.worker.importers.job.shards import Progress, Share
from services.worker.importers.job.whole_files import WholeFiles
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.ownership import foreign_among, session_of
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import Record, RecordError
from services.worker.persist.staging import Received
from services.worker.resources import Resources
from shared.upload_kinds import READER_VERSION

_IMPORTED_FILES = """
    INSERT INTO imported_files (sha256, job_number, reader_version)
    SELECT DISTINCT sha256, %(job_number)s, %(reader_version)s FROM unnest(%(sha256s)s::bytea[]) AS f (sha256)
    ON CONFLICT (sha256, job_number) DO UPDATE SET reader_version = greatest(imported_files.reader_version, excluded.reader_version)"""

OF_ANOTHER_USER, NOT_STORABLE = "another user's", "not storable"


def store(worker: Resources, share: Share, chunk: Chunk, whole_files: WholeFiles) -> bool:
    """Stores it. True if somebody wants the job cancelled."""
    now = datetime.now(UTC)
    errors = [_error(name, error) for name, error in chunk.errors]
    with worker.transaction() as connection:
        records, foreign = _own(connection, share, chunk.records)
        errors += _not_yours(foreign)
        batch = [Received(record, now, share.request_id, f"import:{share.job_id}") for record in records]
        persisted, dead = Persisted(), list[Received]()
        if batch:
            persisted, dead = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=share.job_number)
        errors += map(_not_storable, dead)
        left_out = {record.id for record in foreign} | {received.event.id for received in dead}
        _remember(connection, share, whole_files.after(chunk, left_out))
        progress = Progress(
            chunk.position,
            chunk.bytes_done,
            persisted,
            rows=len(chunk.records),
            files=chunk.files,
            errors=errors,
            unknown_records=chunk.unknown_records,
            skipped_records=chunk.skipped_records | _counted(foreign, dead),
            redactions=chunk.redactions,
            is_damaged=chunk.is_damaged,
        )
        return shards.advance(connection, share, progress)


def _own(connection: Connection[Any], share: Share, records: list[Record]) -> tuple[list[Record], list[Record]]:
    """The records that the job may store, and those that are another user's."""
    if not share.is_bound or share.user is None or not records:
        return records, []
    foreign = foreign_among(connection, share.user, records)
    left_out = {record.id for record in foreign}
    return [record for record in records if record.id not in left_out], foreign


def _remember(connection: Connection[Any], share: Share, sha256s: list[bytes]) -> None:
    """A content of which everything was stored need not be sent again."""
    if sha256s:
        connection.execute(_IMPORTED_FILES, {"sha256s": sha256s, "job_number": share.job_number, "reader_version": READER_VERSION})


def _counted(foreign: list[Record], dead: list[Received]) -> dict[str, int]:
    return {reason: count for reason, count in ((OF_ANOTHER_USER, len(foreign)), (NOT_STORABLE, len(dead))) if count}


def _error(file_name: str, error: RecordError) -> dict[str, Any]:
    place = {name: value for name in ("line", "offset") if (value := getattr(error, name)) is not None}
    return {"file": file_name, **place, "code": error.code, "message": error.message}


def _not_yours(foreign: list[Record]) -> list[dict[str, Any]]:
    """An error for each session."""
    why = "were left out: they are another user's; import them with a key of that user, or with one that is bound to none."
    return [
        {
            "code": "SESSION_OF_ANOTHER_USER",
            "message": f"{count} records {f'of session {session_id}' if session_id else 'without a session'} {why}",
        }
        for session_id, count in Counter(map(session_of, foreign)).items()
    ]


def _not_storable(received: Received) -> dict[str, Any]:
    message = f"A record could not be stored; see the dead letter of event {received.event.id}."
    return {"code": "NOT_STORABLE", "message": message}
