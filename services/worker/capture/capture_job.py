"""The job under whose number live capture stores its rows, as an import stores its rows under its own. There is one, and no list shows it."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.persist.persist_batch import Persisted
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "capture_job.sql")

_FIND = "SELECT id, number FROM import_jobs WHERE kind = 'capture'"


class CaptureJob(NamedTuple):
    """`number` is in `brought_by` of the rows; dead letters name the id."""

    id: UUID
    number: int


def capture_job(connection: Connection[Any]) -> CaptureJob:
    """The job, made if it is the first time, in the caller's transaction."""
    found = connection.execute(_FIND).fetchone()
    if found is None:
        connection.execute(_SQL.add)
        found = connection.execute(_FIND).fetchone()
    assert found is not None
    return CaptureJob(*found)


def add_counts(
    connection: Connection[Any],
    job: CaptureJob,
    persisted: Persisted,
    *,
    bytes_read: int,
    rows: int,
    errors: list[dict[str, Any]],
    unknown_records: dict[str, int],
    skipped_records: dict[str, int],
    redactions: dict[str, int],
) -> None:
    """Adds the counts of one transaction to the job. The newest 100 errors are kept."""
    parameters = {name: getattr(persisted, name) for name in persisted.__slots__}
    parameters |= {"number": job.number, "bytes": bytes_read, "rows": rows, "errors_total": len(errors), "errors": Jsonb(errors[-100:])}
    parameters |= {
        "unknown_records": Jsonb(unknown_records),
        "skipped_records": Jsonb(skipped_records),
        "redactions": Jsonb(redactions),
    }
    connection.execute(_SQL.add_counts, parameters)
