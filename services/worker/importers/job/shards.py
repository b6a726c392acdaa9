"""The rows of import jobs and their shards: lease, checkpoint, counts, outcome. Every change is in the caller's transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.persist.persist_batch import Persisted
from services.worker.row_lease import LEASE_SECONDS, LeaseLostError
from services.worker.sweep_statements import FORGET_FILES
from shared.messages import Binding, binding

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
    # Each has name, blob_url, bytes and kind (shared/upload_kinds.py).
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
        """Of the job's API key."""
        return binding(self.bound_user, self.bound_projects)


# Two tasks may be sent for one shard. Only one of them takes it.
_TAKE = """
    WITH taken AS (
        UPDATE import_shares AS s SET attempts = attempts + 1, lease_expires_at = now() + make_interval(secs => %(lease_seconds)s),
            lease_token = gen_random_uuid()
        FROM import_jobs AS j
        WHERE s.job_id = %(job_id)s AND s.share = %(share)s AND j.id = s.job_id AND j.status IN ('queued', 'running')
          AND s.outcome IS NULL AND (s.lease_expires_at IS NULL OR s.lease_expires_at < now())
        RETURNING s.job_id, s.share, s.checkpoint, s.attempts, s.lease_token
    )
    UPDATE import_jobs AS j SET status = 'running', started_at = coalesce(started_at, now()),
        stage = CASE kind WHEN 'undo' THEN 'undoing' WHEN 'reparse' THEN 'reparsing' ELSE 'reading' END
    FROM taken WHERE j.id = taken.job_id
    RETURNING j.id AS job_id, share AS number, (SELECT count(*) FROM import_shares AS s WHERE s.job_id = j.id) AS shards, j.number AS job_number, kind,
              (SELECT number FROM import_jobs AS u WHERE u.id = j.undoes) AS undoes, files, user_name AS user,
              (SELECT j.user_name FROM api_keys AS k WHERE k.id = j.key_id AND k.user_name IS NOT NULL) AS bound_user,
              (SELECT k.project_ids FROM api_keys AS k WHERE k.id = j.key_id) AS bound_projects, coalesce(request_id, '') AS request_id,
              created_at AS accepted_at, checkpoint, attempts, lease_token, cancel_requested_at IS NOT NULL AS is_cancelled"""

_ADVANCE_SHARE = """
    UPDATE import_shares SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s), checkpoint = %(checkpoint)s,
        bytes_done = greatest(bytes_done, %(bytes_done)s),
        is_damaged = is_damaged OR %(is_damaged)s, attempts = 0
    WHERE job_id = %(job_id)s AND share = %(share)s AND lease_token = %(lease_token)s"""
_ADVANCE_JOB = """
    UPDATE import_jobs SET bytes_done = (SELECT avg(bytes_done) FROM import_shares WHERE job_id = %(job_id)s)::bigint,
        rows_done = rows_done + %(rows)s, files_done = files_done + %(files)s, errors_total = errors_total + %(errors_total)s,
        errors = jsonb_path_query_array(errors || %(errors)s::jsonb, '$[0 to 99]'), unknown_records = sum_of_each(unknown_records, %(unknown_records)s),
        skipped_records = sum_of_each(skipped_records, %(skipped_records)s), redactions = sum_of_each(redactions, %(redactions)s),
        projects_imported = projects_imported + %(projects)s, sessions_imported = sessions_imported + %(sessions)s,
        sessions_updated = sessions_updated + %(sessions_updated)s, conversations_imported = conversations_imported + %(messages)s,
        activities_imported = activities_imported + %(activities)s, tool_calls_imported = tool_calls_imported + %(tool_calls)s,
        api_calls_imported = api_calls_imported + %(api_calls)s, duplicates = duplicates + %(duplicates)s
    WHERE id = %(job_id)s RETURNING cancel_requested_at IS NOT NULL"""

_FINISH_SHARE = """
    UPDATE import_shares AS s SET outcome = %(outcome)s, lease_expires_at = NULL, bytes_done = CASE %(outcome)s WHEN 'succeeded' THEN j.bytes_total ELSE s.bytes_done END
    FROM import_jobs AS j WHERE j.id = s.job_id AND s.job_id = %(job_id)s AND s.share = %(share)s AND s.lease_token = %(lease_token)s"""
_LOCK_JOB = "SELECT FROM import_jobs WHERE id = %(job_id)s FOR UPDATE"
# The last shard to end ends the job. A job that gave up for reasons outside of its files keeps them for a retry.
_FINISH_JOB = """
    UPDATE import_jobs AS j SET status = o.status, stage = o.status, finished_at = now(), has_files = has_files AND o.may_be_retried,
        bytes_done = CASE o.status WHEN 'succeeded' THEN bytes_total ELSE bytes_done END
    FROM (SELECT CASE WHEN bool_or(outcome = 'cancelled') THEN 'cancelled' WHEN bool_or(is_damaged OR outcome = 'given_up') THEN 'failed' ELSE 'succeeded' END AS status,
                 bool_or(outcome = 'given_up') AS may_be_retried
          FROM import_shares WHERE job_id = %(job_id)s HAVING bool_and(outcome IS NOT NULL)) AS o
    WHERE j.id = %(job_id)s AND j.status = 'running'
    RETURNING j.status, j.has_files"""

_RENEW = """
    UPDATE import_shares SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE job_id = %(job_id)s AND share = %(share)s AND lease_token = %(lease_token)s AND outcome IS NULL"""

_ADD_ERROR = """
    UPDATE import_jobs SET errors_total = errors_total + 1, errors = jsonb_path_query_array(errors || %(error)s::jsonb, '$[0 to 99]')
    WHERE id = %(job_id)s"""

_PUT_BACK = """
    UPDATE import_shares SET attempts = attempts - 1, lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE job_id = %(job_id)s AND share = %(share)s AND lease_token = %(lease_token)s AND attempts > 0"""


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
        row = cursor.execute(_TAKE, {"job_id": job_id, "share": number, "lease_seconds": LEASE_SECONDS}).fetchone()
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
    if connection.execute(_ADVANCE_SHARE, parameters).rowcount == 0:
        raise LeaseLostError
    [(is_cancelled,)] = connection.execute(_ADVANCE_JOB, parameters).fetchall()
    return bool(is_cancelled)


def finish(connection: Connection[Any], shard: Shard, outcome: str) -> tuple[str, bool] | None:
    """Ends the shard: succeeded | given_up | cancelled. If it was the last, gives the job's status and whether its files are kept."""
    parameters = _own(shard) | {"outcome": outcome}
    connection.execute(_LOCK_JOB, parameters)
    if connection.execute(_FINISH_SHARE, parameters).rowcount == 0:
        raise LeaseLostError
    row = connection.execute(_FINISH_JOB, parameters).fetchone()
    return None if row is None else (row[0], row[1])


def renew(connection: Connection[Any], shard: Shard) -> bool:
    """Renews the lease. False if the shard has ended or is another worker's."""
    return connection.execute(_RENEW, _own(shard)).rowcount > 0


def stop_stalled(connection: Connection[Any], shard: Shard, seconds: int) -> None:
    """Ends a shard if its reading hangs. Its files are kept for a retry."""
    message = f"Reading stood still for {seconds} s, so the job was stopped; what was before is imported. Retry it, or send the files in parts to find the one."
    error = {"code": "READING_STALLED", "message": message}
    parameters = _own(shard) | {"outcome": "given_up", "error": Jsonb([error])}
    connection.execute(_LOCK_JOB, parameters)
    if connection.execute(_FINISH_SHARE, parameters).rowcount:
        connection.execute(_ADD_ERROR, parameters)
        connection.execute(_FINISH_JOB, parameters)


def put_back(connection: Connection[Any], shard: Shard) -> None:
    """Leaves the shard for another try after its lease. This attempt does not count: the blob store was unavailable."""
    connection.execute(_PUT_BACK, _own(shard))


def forget_files(connection: Connection[Any]) -> list[list[dict[str, Any]]]:
    """The uploads of jobs that were not retried in time, job by job. The caller deletes them."""
    return [row[0] for row in connection.execute(FORGET_FILES)]
