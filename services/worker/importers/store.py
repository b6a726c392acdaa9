"""A chunk of an import into the database, in one transaction: rows, aggregates, the share's position, the job's counts."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from services.worker.dead_letters import persist_isolating
from services.worker.importers import shares
from services.worker.importers.chunks import Chunk
from services.worker.importers.shares import Progress, Share
from services.worker.persist import Persisted
from services.worker.records import FileSummary, RecordError
from services.worker.resources import Resources
from services.worker.staging import Received

_IMPORTED_FILE = "INSERT INTO imported_files (sha256, job_number) VALUES (%(sha256)s, %(job_number)s) ON CONFLICT DO NOTHING"


def store(worker: Resources, share: Share, chunk: Chunk) -> bool:
    """Stores it. True if somebody wants the job cancelled."""
    now = datetime.now(UTC)
    origin = f"import:{share.job_id}"
    batch = [
        Received(record, now, share.request_id, origin) for record in chunk.records if not isinstance(record, (RecordError, FileSummary))
    ]
    errors = [_error(chunk.file_name, record) for record in chunk.records if isinstance(record, RecordError)]
    with worker.transaction() as connection:
        persisted, dead = Persisted(), list[Received]()
        if batch:
            persisted, dead = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=share.job_number)
        errors += [_not_storable(chunk.file_name, received) for received in dead]
        if chunk.sha256 is not None:
            _remember(connection, share, chunk)
        progress = Progress(
            chunk.position,
            chunk.bytes_done,
            persisted,
            rows=len(batch),
            files=int(chunk.sha256 is not None),
            errors=errors,
            unknown_records=_unknown(chunk),
            is_damaged=chunk.is_damaged,
        )
        return shares.advance(connection, share, progress)


def _remember(connection: psycopg.Connection[Any], share: Share, chunk: Chunk) -> None:
    """A content that was read to its end need not be sent again."""
    connection.execute(_IMPORTED_FILE, {"sha256": chunk.sha256, "job_number": share.job_number})


def _error(file_name: str, error: RecordError) -> dict[str, Any]:
    place = {name: value for name in ("line", "offset") if (value := getattr(error, name)) is not None}
    return {"file": file_name, **place, "code": error.code, "message": error.message}


def _not_storable(file_name: str, received: Received) -> dict[str, Any]:
    return {
        "file": file_name,
        "code": "NOT_STORABLE",
        "message": f"A record could not be stored; see the dead letter of event {received.event.id}.",
    }


def _unknown(chunk: Chunk) -> dict[str, int]:
    unknown: dict[str, int] = {}
    for record in chunk.records:
        if isinstance(record, FileSummary):
            for kind, count in record.unknown_records.items():
                unknown[kind] = unknown.get(kind, 0) + count
    return unknown
