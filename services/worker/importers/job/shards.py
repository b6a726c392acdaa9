"""The rows of import jobs and their shards: lease, checkpoint, counts, outcome. Every change is in the caller's transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.persist.persist_batch import Persisted
from services.worker.row_lease import LEASE_PARTS, LEASE_SECONDS, LeaseLostError
from services.worker.sweep.sweep_statements import FORGET_FILES
from shared.events.messages import Binding, binding
from shared.jobs import KINDS
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "shards.sql", **LEASE_PARTS)

MAX_ERRORS_KEPT = 100


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a shard is: behind so many records of a member of one of the job's files. A file that is no archive is its only member."""

    file: int = 0
    member: int = 0
    records: int = 0


class Shard(msgspec.Struct, frozen=True):
    """A shard of a job that this worker has taken. `number` counts from 0; the job has `shards` of them."""

    job_id: UUID
    number: int
    shards: int
    job_number: int
    kind: str
    undoes: int | None
    # Each has name, blob_url, bytes and kind (shared/claude_formats/upload_kinds.py).
    files: list[dict[str, Any]]
    user: str | None
    # The user and the projects that the job's API key is bound to.
    bound_user: str | None
    bound_projects: list[int] | None
    request_id: str
    # The job's.
    accepted_at: datetime
    checkpoint: Checkpoint
    attempts: int
    lease_token: UUID
    # Its cancel was requested before it was taken.
    is_cancelled: bool

    @property
    def bound(self) -> Binding | None:
        """The binding of the job's API key."""
        return binding(self.bound_user, self.bound_projects)


_LOCK_JOB = "SELECT FROM import_jobs WHERE id = %(job_id)s FOR UPDATE"


class Progress(msgspec.Struct, frozen=True):
    """The results of one transaction of a shard.

    `unknown_records`: {type: number} of records of unknown types. `skipped_records`: {reason: number} of records that are not kept.
    `redactions`: {kind: number} of secrets.
    """

    checkpoint: Checkpoint
    bytes_done: int
    persisted: Persisted = Persisted()
    rows: int = 0
    files: int = 0
    errors: list[dict[str, Any]] = []
    unknown_records: dict[str, int] = {}
    skipped_records: dict[str, int] = {}
    redactions: dict[str, int] = {}
    # A file could not be read to its end.
    is_damaged: bool = False


def take(connection: Connection[Any], job_id: UUID, number: int) -> Shard | None:
    """Takes a shard, with a new lease. None if another worker has it or it has ended."""
    with connection.cursor(row_factory=dict_row) as cursor:
        parameters: dict[str, Any] = {"job_id": job_id, "share": number, "lease_seconds": LEASE_SECONDS}
        parameters["stages"] = Jsonb({kind.name: kind.stage for kind in KINDS.values()})
        row = cursor.execute(_SQL.take, parameters).fetchone()
    return None if row is None else msgspec.convert(row, Shard)


def _own(shard: Shard) -> dict[str, Any]:
    """Parameters of the statements that hold only while the shard is this worker's."""
    return {"job_id": shard.job_id, "share": shard.number, "lease_token": shard.lease_token, "lease_seconds": LEASE_SECONDS}


def advance(connection: Connection[Any], shard: Shard, progress: Progress) -> bool:
    """Writes the checkpoint, renews the lease, adds to the job's counts. True if the job is to be cancelled. LeaseLostError if it is another's."""
    counts = {name: getattr(progress.persisted, name) for name in Persisted.__slots__}
    parameters = (
        _own(shard)
        | counts
        | {
            "checkpoint": Jsonb(msgspec.to_builtins(progress.checkpoint)),
            "bytes_done": progress.bytes_done,
            "rows": progress.rows,
            "files": progress.files,
            "errors": Jsonb(progress.errors[:MAX_ERRORS_KEPT]),
            "errors_total": len(progress.errors),
            "is_damaged": progress.is_damaged,
            "unknown_records": Jsonb(progress.unknown_records),
            "skipped_records": Jsonb(progress.skipped_records),
            "redactions": Jsonb(progress.redactions),
        }
    )
    if connection.execute(_SQL.advance_share, parameters).rowcount == 0:
        raise LeaseLostError
    [(is_cancelled,)] = connection.execute(_SQL.advance_job, parameters).fetchall()
    return bool(is_cancelled)


def finish(connection: Connection[Any], shard: Shard, outcome: str) -> tuple[str, bool] | None:
    """Ends the shard: succeeded | given_up | cancelled. If it was the last, gives the job's status and whether its files are kept."""
    parameters = _own(shard) | {"outcome": outcome}
    connection.execute(_LOCK_JOB, parameters)
    if connection.execute(_SQL.finish_share, parameters).rowcount == 0:
        raise LeaseLostError
    row = connection.execute(_SQL.finish_job, parameters).fetchone()
    return None if row is None else (row[0], row[1])


def renew(connection: Connection[Any], shard: Shard) -> bool:
    """Renews the lease. False if the shard has ended or is another worker's."""
    return connection.execute(_SQL.renew, _own(shard)).rowcount > 0


def stop_stalled(connection: Connection[Any], shard: Shard, seconds: int) -> None:
    """Ends a shard if its reading hangs. Its files are kept for a retry."""
    message = f"Reading stood still for {seconds} s, so the job was stopped; what was before is imported. Retry it, or send the files in parts to find the one."
    error = {"code": "READING_STALLED", "message": message}
    parameters = _own(shard) | {"outcome": "given_up", "error": Jsonb([error])}
    connection.execute(_LOCK_JOB, parameters)
    if connection.execute(_SQL.finish_share, parameters).rowcount:
        connection.execute(_SQL.add_error, parameters)
        connection.execute(_SQL.finish_job, parameters)


def put_back(connection: Connection[Any], shard: Shard) -> None:
    """Leaves the shard for another try after its lease. This attempt does not count: the blob store was unavailable."""
    connection.execute(_SQL.put_back, _own(shard))


def forget_files(connection: Connection[Any]) -> list[list[dict[str, Any]]]:
    """The uploads of jobs that were not retried in time, job by job. The caller deletes them."""
    return [row[0] for row in connection.execute(FORGET_FILES)]
