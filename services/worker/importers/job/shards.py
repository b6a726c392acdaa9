"""A job's rows in Postgres: who works on which share of it, how far each is, how it ends. Every change is in the caller's transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.persist.persist_batch import Persisted

# So long a share waits when its worker died; while that lives, the lease is renewed (lease.py) and with every chunk.
LEASE_SECONDS = 15
MAX_ATTEMPTS = 5
MAX_ERRORS_KEPT = 100


class Position(msgspec.Struct, frozen=True):
    """How far a share is: behind `records` of the records of a member of one of the job's files. A file that is no archive is its only member."""

    file: int = 0
    member: int = 0
    records: int = 0


class Share(msgspec.Struct, frozen=True):
    """A share of a job that this worker has taken."""

    job_id: UUID
    share: int
    shares: int
    job_number: int
    kind: str
    undoes: int | None
    # Of each its name, blob_url, bytes and kind (shared/upload_kinds.py).
    files: list[dict[str, Any]]
    user: str | None
    # The key that it came by is bound to that user.
    is_bound: bool
    request_id: str
    # When the job was.
    accepted_at: datetime
    position: Position
    attempts: int
    lease_token: UUID
    # Somebody wanted it cancelled before it was taken.
    is_cancelled: bool


# Taken only if nobody else works on it. A share may be taken by its task or by the sweep's, never by both.
_TAKE = """
    WITH taken AS (
        UPDATE import_shares AS s SET attempts = attempts + 1, lease_expires_at = now() + make_interval(secs => %(lease_seconds)s),
            lease_token = gen_random_uuid()
        FROM import_jobs AS j
        WHERE s.job_id = %(job_id)s AND s.share = %(share)s AND j.id = s.job_id AND j.status IN ('queued', 'running')
          AND s.outcome IS NULL AND (s.lease_expires_at IS NULL OR s.lease_expires_at < now())
        RETURNING s.job_id, s.share, s.checkpoint, s.attempts, s.lease_token
    )
    UPDATE import_jobs AS j SET status = 'running', stage = CASE kind WHEN 'undo' THEN 'undoing' ELSE 'reading' END, started_at = coalesce(started_at, now())
    FROM taken WHERE j.id = taken.job_id
    RETURNING j.id AS job_id, share, (SELECT count(*) FROM import_shares AS s WHERE s.job_id = j.id) AS shares, number AS job_number, kind,
              (SELECT number FROM import_jobs AS u WHERE u.id = j.undoes) AS undoes, files, user_name AS user,
              EXISTS (SELECT FROM api_keys AS k WHERE k.id = j.key_id AND k.user_name IS NOT NULL) AS is_bound, coalesce(request_id, '') AS request_id,
              created_at AS accepted_at, checkpoint AS position, attempts, lease_token, cancel_requested_at IS NOT NULL AS is_cancelled"""

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
# The last share to end ends the job. What gave up for reasons outside of the files keeps them, for another try.
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

_ABANDONED = """
    SELECT s.job_id, s.share FROM import_shares AS s JOIN import_jobs AS j ON j.id = s.job_id
    WHERE j.status IN ('queued', 'running') AND s.outcome IS NULL
      AND (s.lease_expires_at < now() OR s.lease_expires_at IS NULL AND j.created_at < now() - interval '5 seconds')
    ORDER BY j.created_at, s.share LIMIT 100"""

_FORGET_FILES = """
    UPDATE import_jobs SET has_files = false WHERE has_files AND status = 'failed' AND finished_at < now() - interval '1 day' RETURNING files"""


class LeaseLostError(Exception):
    """Another worker has taken the share over; what this one did of it must not be committed."""


class Progress(msgspec.Struct, frozen=True):
    """What one transaction of a share did.

    `unknown_records`: {type: how many} of records that nobody knows; `skipped_records`: {reason: how many} of those of which nothing is kept;
    `redactions`: {kind: how many} of secrets.
    """

    position: Position
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


def take(connection: Connection[Any], job_id: UUID, share: int) -> Share | None:
    """The share, if nobody else has it and it is not through."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_TAKE, {"job_id": job_id, "share": share, "lease_seconds": LEASE_SECONDS}).fetchone()
    return None if row is None else msgspec.convert(row, Share)


def advance(connection: Connection[Any], share: Share, progress: Progress) -> bool:
    """Notes how far the share is, renews its lease, adds to the job's counts. True if somebody wants the job cancelled. LeaseLostError if it is another's."""
    counts = {name: getattr(progress.persisted, name) for name in Persisted.__slots__}
    parameters = counts | {
        "job_id": share.job_id,
        "share": share.share,
        "lease_token": share.lease_token,
        "lease_seconds": LEASE_SECONDS,
        "checkpoint": Jsonb(msgspec.to_builtins(progress.position)),
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
    if connection.execute(_ADVANCE_SHARE, parameters).rowcount == 0:
        raise LeaseLostError
    [(is_cancelled,)] = connection.execute(_ADVANCE_JOB, parameters).fetchall()
    return bool(is_cancelled)


def finish(connection: Connection[Any], share: Share, outcome: str) -> tuple[str, bool] | None:
    """Ends the share: succeeded | given_up | cancelled. If it was the last, the job's status and whether its files are kept."""
    parameters = {"job_id": share.job_id, "share": share.share, "lease_token": share.lease_token, "outcome": outcome}
    connection.execute(_LOCK_JOB, parameters)
    if connection.execute(_FINISH_SHARE, parameters).rowcount == 0:
        raise LeaseLostError
    row = connection.execute(_FINISH_JOB, parameters).fetchone()
    return None if row is None else (row[0], row[1])


def renew(connection: Connection[Any], share: Share) -> bool:
    """Prolongs the lease. False if the share has ended or is another worker's."""
    parameters = {"job_id": share.job_id, "share": share.share, "lease_token": share.lease_token, "lease_seconds": LEASE_SECONDS}
    return connection.execute(_RENEW, parameters).rowcount > 0


def stop_stalled(connection: Connection[Any], share: Share, seconds: int) -> None:
    """Ends a share whose reading stands still; its files are kept for another try."""
    message = f"Reading stood still for {seconds} s, so the job was stopped; what was before is imported. Retry it, or send the files in parts to find the one."
    error = {"code": "READING_STALLED", "message": message}
    parameters = {
        "job_id": share.job_id,
        "share": share.share,
        "lease_token": share.lease_token,
        "outcome": "given_up",
        "error": Jsonb([error]),
    }
    connection.execute(_LOCK_JOB, parameters)
    if connection.execute(_FINISH_SHARE, parameters).rowcount:
        connection.execute(_ADD_ERROR, parameters)
        connection.execute(_FINISH_JOB, parameters)


def put_back(connection: Connection[Any], share: Share) -> None:
    """For another try when its lease is over, which does not count: what it waits for is neither its own nor the worker's fault."""
    parameters = {"job_id": share.job_id, "share": share.share, "lease_token": share.lease_token, "lease_seconds": LEASE_SECONDS}
    connection.execute(_PUT_BACK, parameters)


def abandoned(connection: Connection[Any]) -> list[tuple[UUID, int]]:
    """Shares that wait, or that a worker let fall."""
    return [(row[0], row[1]) for row in connection.execute(_ABANDONED)]


def forget_files(connection: Connection[Any]) -> list[list[dict[str, Any]]]:
    """The uploads, job by job, that nobody will try again: they are the caller's to delete."""
    return [row[0] for row in connection.execute(_FORGET_FILES)]
