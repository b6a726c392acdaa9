"""Jobs that were cancelled and whose workers do not hear of it, since their parser stands still. Every change is in the caller's transaction."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from services.worker.waiting_work import CANCEL_SECONDS, UNHEARD_CANCELS

# Whatever its workers do: without their token none of them commits any more. Who is just committing is not waited for, the next sweep comes soon.
_LOCK_ALL_SHARES = """
    WITH locked AS (SELECT share FROM import_shares WHERE job_id = %(job_id)s AND outcome IS NULL FOR UPDATE SKIP LOCKED)
    SELECT (SELECT count(*) FROM locked) = (SELECT count(*) FROM import_shares WHERE job_id = %(job_id)s AND outcome IS NULL)
       AND EXISTS (SELECT FROM import_jobs WHERE id = %(job_id)s AND status IN ('queued', 'running') FOR UPDATE SKIP LOCKED)"""
_CANCEL_SHARES = """
    UPDATE import_shares SET outcome = 'cancelled', lease_token = NULL, lease_expires_at = NULL WHERE job_id = %(job_id)s AND outcome IS NULL"""
_CANCEL_JOB = """
    UPDATE import_jobs SET status = 'cancelled', stage = 'cancelled', finished_at = now(), has_files = false WHERE id = %(job_id)s"""


def unheard(connection: Connection[Any]) -> list[UUID]:
    """Jobs that somebody wanted cancelled a while ago, and whose workers have not heard of it."""
    return [row[0] for row in connection.execute(UNHEARD_CANCELS, {"seconds": CANCEL_SECONDS})]


def end_cancelled(connection: Connection[Any], job_id: UUID) -> bool:
    """Ends such a job, whatever its workers do. False if one of them is just committing."""
    [(are_locked,)] = connection.execute(_LOCK_ALL_SHARES, {"job_id": job_id}).fetchall()
    if are_locked:
        connection.execute(_CANCEL_SHARES, {"job_id": job_id})
        connection.execute(_CANCEL_JOB, {"job_id": job_id})
    return bool(are_locked)
