"""Ends cancelled jobs if their workers do not react, since their parsers hang."""

from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection

from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import CANCEL_SECONDS, UNHEARD_CANCELS
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "end_cancelled.sql")

log = structlog.get_logger()


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
    [(are_locked,)] = connection.execute(_SQL.lock_all_shards, {"job_id": job_id}).fetchall()
    if are_locked:
        connection.execute(_SQL.cancel_shards, {"job_id": job_id})
        connection.execute(_SQL.cancel_job, {"job_id": job_id})
    return bool(are_locked)
