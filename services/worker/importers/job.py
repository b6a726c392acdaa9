"""An import job: its files are read as a stream and persisted chunk by chunk, the checkpoint in the same transaction as the rows.

A worker that dies leaves a job whose lease runs out; the next one goes on behind the last committed chunk. Reading a chunk twice adds nothing.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import fsspec
import msgspec
import structlog
from psycopg.rows import dict_row
from sqlalchemy import text

from services.worker.dead_letters import persist_isolating
from services.worker.importers.claude_json import DAMAGED, RecordError, read_claude_json
from services.worker.persist import Persisted
from services.worker.resources import Resources
from services.worker.staging import Received
from shared.messages import Imported

log = structlog.get_logger()

CHUNK_RECORDS = 500
LEASE_SECONDS = 60
MAX_ATTEMPTS = 5

# Taken only if nobody else works on it. A queued job may be taken by the task or by the sweep's task, never by both.
TAKE = """
    UPDATE import_jobs SET status = 'running', stage = 'reading', attempts = attempts + 1, started_at = coalesce(started_at, now()),
        lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(job_id)s AND (status = 'queued' OR status = 'running' AND lease_expires_at < now())
    RETURNING files, user_name, checkpoint, attempts, request_id, errors"""

ADVANCE = """
    UPDATE import_jobs SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s), bytes_done = %(bytes_done)s,
        checkpoint = %(checkpoint)s, errors_total = errors_total + %(errors_total)s,
        errors = jsonb_path_query_array(errors || %(errors)s::jsonb, '$[0 to 99]'),
        projects_imported = projects_imported + %(projects)s, sessions_imported = sessions_imported + %(sessions)s,
        sessions_updated = sessions_updated + %(sessions_updated)s, conversations_imported = conversations_imported + %(messages)s,
        activities_imported = activities_imported + %(activities)s, tool_calls_imported = tool_calls_imported + %(tool_calls)s,
        duplicates = duplicates + %(duplicates)s
    WHERE id = %(job_id)s"""

FINISH = """
    UPDATE import_jobs SET status = %(status)s, stage = %(status)s, finished_at = now(), lease_expires_at = NULL,
        bytes_done = CASE WHEN %(status)s = 'succeeded' THEN bytes_total ELSE bytes_done END
    WHERE id = %(job_id)s"""

ABANDONED = text("""
    SELECT id FROM import_jobs
    WHERE status = 'queued' AND created_at < now() - interval '5 seconds' OR status = 'running' AND lease_expires_at < now()
    ORDER BY created_at LIMIT 100""")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records of one file, and how far the file has been read behind them."""

    records: list[Imported | RecordError]
    bytes_read: int


def abandoned(worker: Resources) -> list[UUID]:
    """Jobs that wait, or that a worker let fall."""
    with worker.engine.connect() as connection:
        return [row.id for row in connection.execute(ABANDONED)]


def run(worker: Resources, job_id: UUID) -> None:
    """Works on a job to its end. Returns at once if another worker has it, or it is finished."""
    job = _take(worker, job_id)
    if job is None:
        return
    with structlog.contextvars.bound_contextvars(request_id=job["request_id"], job_id=str(job_id)):
        started = time.perf_counter()
        if job["attempts"] > MAX_ATTEMPTS:
            log.error("import_given_up", attempts=job["attempts"])
            status = "failed"
        else:
            status = "failed" if _import_files(worker, job_id, job) else "succeeded"
        with worker.transaction() as connection:
            connection.execute(FINISH, {"job_id": job_id, "status": status})
        _delete_files(job)
        log.info("import_finished", status=status, duration_ms=round((time.perf_counter() - started) * 1000))


def _import_files(worker: Resources, job_id: UUID, job: dict[str, Any]) -> bool:
    """Goes on behind the checkpoint. True if a file is damaged, one that an earlier attempt has read included."""
    damaged = any(error["code"] == DAMAGED for error in job["errors"])
    bytes_before = 0
    for index, file in enumerate(job["files"]):
        if index >= job["checkpoint"]["file"]:
            skip = job["checkpoint"]["records"] if index == job["checkpoint"]["file"] else 0
            damaged |= _import_file(worker, job_id, job, index, skip, bytes_before)
        bytes_before += file["bytes"]
    return damaged


def _delete_files(job: dict[str, Any]) -> None:
    """An upload holds what the import left out, secrets above all; it is kept no longer than it is needed."""
    for file in job["files"]:
        filesystem, path = fsspec.core.url_to_fs(file["blob_url"])
        if filesystem.exists(path):
            filesystem.rm_file(path)


def _take(worker: Resources, job_id: UUID) -> dict[str, Any] | None:
    with worker.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(TAKE, {"job_id": job_id, "lease_seconds": LEASE_SECONDS}).fetchone()


def _import_file(worker: Resources, job_id: UUID, job: dict[str, Any], index: int, skip: int, bytes_before: int) -> bool:
    """True if the file is damaged."""
    damaged = False
    read = skip
    with fsspec.open(job["files"][index]["blob_url"], "rb") as file:
        records = read_claude_json(_without_bom(file), job["user_name"])
        for chunk in _chunks(islice(records, skip, None), file):
            read += len(chunk.records)
            damaged |= any(isinstance(record, RecordError) and record.code == DAMAGED for record in chunk.records)
            checkpoint = {"file": index, "records": read}
            _import_chunk(worker, job_id, job, index, chunk, checkpoint, bytes_before)
    return damaged


def _without_bom(file: Any) -> Any:
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)
    return file


def _chunks(records: Iterator[Imported | RecordError], file: Any) -> Iterator[Chunk]:
    while chunk := list(islice(records, CHUNK_RECORDS)):
        yield Chunk(chunk, file.tell())


def _import_chunk(
    worker: Resources, job_id: UUID, job: dict[str, Any], index: int, chunk: Chunk, checkpoint: dict[str, int], bytes_before: int
) -> None:
    name, request_id = job["files"][index]["name"], job["request_id"] or ""
    now = datetime.now(UTC)
    batch = [Received(r, now, request_id, f"import:{job_id}") for r in chunk.records if not isinstance(r, RecordError)]
    errors = [{"file": name, "offset": r.offset, "code": r.code, "message": r.message} for r in chunk.records if isinstance(r, RecordError)]

    with worker.transaction() as connection:
        persisted, dead = (
            persist_isolating(connection, batch, idle_gap=worker.idle_gap, import_job_id=job_id) if batch else (Persisted(), [])
        )
        all_errors = errors + [
            {"file": name, "code": "NOT_STORABLE", "message": f"A record could not be stored; see dead letter of event {d.event.id}."}
            for d in dead
        ]
        connection.execute(
            ADVANCE,
            {name: getattr(persisted, name) for name in persisted.__slots__}
            | {
                "job_id": job_id,
                "lease_seconds": LEASE_SECONDS,
                "bytes_done": bytes_before + chunk.bytes_read,
                "checkpoint": msgspec.json.encode(checkpoint).decode(),
                "errors": msgspec.json.encode(all_errors).decode(),
                "errors_total": len(all_errors),
            },
        )
