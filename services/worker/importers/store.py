"""A chunk of an import into the database, in one transaction: rows, aggregates, the share's position, the job's counts."""

from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from services.worker.dead_letters import persist_isolating
from services.worker.importers import shares
from services.worker.importers.chunks import Chunk
from services.worker.importers.shares import Progress, Share
from services.worker.persist import Persisted
from services.worker.records import RecordError
from services.worker.resources import Resources
from services.worker.staging import Received

_IMPORTED_FILES = """
    INSERT INTO imported_files (sha256, job_number)
    SELECT sha256, %(job_number)s FROM unnest(%(sha256s)s::bytea[]) AS f (sha256) ON CONFLICT DO NOTHING"""


def store(worker: Resources, share: Share, chunk: Chunk) -> bool:
    """Stores it. True if somebody wants the job cancelled."""
    now = datetime.now(UTC)
    batch = [Received(record, now, share.request_id, f"import:{share.job_id}") for record in chunk.records]
    errors = [_error(name, error) for name, error in chunk.errors]
    with worker.transaction() as connection:
        persisted, dead = Persisted(), list[Received]()
        if batch:
            persisted, dead = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=share.job_number)
        errors += map(_not_storable, dead)
        _remember(connection, share, chunk)
        progress = Progress(
            chunk.position,
            chunk.bytes_done,
            persisted,
            rows=len(batch),
            files=chunk.files,
            errors=errors,
            unknown_records=chunk.unknown_records,
            redactions=chunk.redactions,
            is_damaged=chunk.is_damaged,
        )
        return shares.advance(connection, share, progress)


def _remember(connection: Connection[Any], share: Share, chunk: Chunk) -> None:
    """A content that was read to its end need not be sent again."""
    if chunk.sha256s:
        connection.execute(_IMPORTED_FILES, {"sha256s": chunk.sha256s, "job_number": share.job_number})


def _error(file_name: str, error: RecordError) -> dict[str, Any]:
    place = {name: value for name in ("line", "offset") if (value := getattr(error, name)) is not None}
    return {"file": file_name, **place, "code": error.code, "message": error.message}


def _not_storable(received: Received) -> dict[str, Any]:
    message = f"A record could not be stored; see the dead letter of event {received.event.id}."
    return {"code": "NOT_STORABLE", "message": message}
