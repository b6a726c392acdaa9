"""Ends cancelled jobs if their workers do not react, since their parsers hang."""

from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection

from services.worker.resources import Resources
from services.worker.sweep_statements import CANCEL_SECONDS, UNHEARD_CANCELS

log = structlog.get_logger()

# Without its lease token, a worker can commit no more. A worker that is just committing is not waited for: the next sweep comes soon.
_LOCK_ALL_SHARDS = """
    WITH locked AS (SELECT share FROM import_shares WHERE job_id = %(job_id)s AND outcome IS NULL FOR UPDATE SKIP LOCKED)
    SELECT (SELECT count(*) FROM locked) = (SELECT count(*) FROM import_shares WHERE job_id = %(job_id)s AND outcome IS NULL)
       AND EXISTS (SELECT FROM import_jobs WHERE id = %(job_id)s AND status IN ('queued', 'running') FOR UPDATE SKIP LOCKED)"""
_CANCEL_SHARDS = """
    UPDATE import_shares SET outcome = 'cancelled', lease_token = NULL, lease_expires_at = NULL WHERE job_id = %(job_id)s AND outcome IS NULL"""
_CANCEL_JOB = """
    UPDATE import_jobs SET status = 'cancelled', stage = 'cancelled', finished_at = now(), has_files = false WHERE id = %(job_id)s"""


def end_cancelled(worker: Resources) -> None:
    """Ends such jobs, each in a transaction of its own. Their uploads are left to the sweep, since this process may not reach the store."""
    with worker.transaction() as connection:
        job_ids = [row[0] for row in connection.execute(UNHEARD_CANCELS, {"seconds": CANCEL_SECONDS})]
    for job_id in job_ids:
        with worker.transaction() as connection:
            if _end(connection, job_id):
                log.warning("job_cancelled", job_id=str(job_id), reason="its workers did not react in time")


def _end(connection: Connection[Any], job_id: UUID) -> bool:
    """False if one of the job's workers is just committing."""
    [(are_locked,)] = connection.execute(_LOCK_ALL_SHARDS, {"job_id": job_id}).fetchall()
    if are_locked:
        connection.execute(_CANCEL_SHARDS, {"job_id": job_id})
        connection.execute(_CANCEL_JOB, {"job_id": job_id})
    return bool(are_locked)
