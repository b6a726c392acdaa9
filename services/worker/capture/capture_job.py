"""The job under whose number live capture stores its rows, as an import stores its rows under its own. There is one, and no list shows it."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.persist.persist_batch import Persisted

_ADD = """
    INSERT INTO import_jobs (id, kind, status, stage, files, has_files, started_at)
    VALUES (gen_random_uuid(), 'capture', 'running', 'reading', '[]', false, now())
    ON CONFLICT (kind) WHERE kind = 'capture' DO NOTHING"""
_FIND = "SELECT id, number FROM import_jobs WHERE kind = 'capture'"
_ADD_COUNTS = """
    UPDATE import_jobs SET bytes_done = bytes_done + %(bytes)s, rows_done = rows_done + %(rows)s, errors_total = errors_total + %(errors_total)s,
        errors = CASE %(errors_total)s WHEN 0 THEN errors ELSE jsonb_path_query_array(%(errors)s::jsonb || errors, '$[0 to 99]') END,
        unknown_records = sum_of_each(unknown_records, %(unknown_records)s),
        skipped_records = sum_of_each(skipped_records, %(skipped_records)s), redactions = sum_of_each(redactions, %(redactions)s),
        projects_imported = projects_imported + %(projects)s, sessions_imported = sessions_imported + %(sessions)s,
        sessions_updated = sessions_updated + %(sessions_updated)s, conversations_imported = conversations_imported + %(messages)s,
        activities_imported = activities_imported + %(activities)s, tool_calls_imported = tool_calls_imported + %(tool_calls)s,
        api_calls_imported = api_calls_imported + %(api_calls)s, duplicates = duplicates + %(duplicates)s
    WHERE number = %(number)s"""


class CaptureJob(NamedTuple):
    """`number` is in `brought_by` of the rows; dead letters name the id."""

    id: UUID
    number: int


def capture_job(connection: Connection[Any]) -> CaptureJob:
    """The job, made if it is the first time, in the caller's transaction."""
    found = connection.execute(_FIND).fetchone()
    if found is None:
        connection.execute(_ADD)
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
    """Adds what one transaction did. Of the errors the newest 100 are kept."""
    parameters = {name: getattr(persisted, name) for name in persisted.__slots__}
    parameters |= {"number": job.number, "bytes": bytes_read, "rows": rows, "errors_total": len(errors), "errors": Jsonb(errors[-100:])}
    parameters |= {
        "unknown_records": Jsonb(unknown_records),
        "skipped_records": Jsonb(skipped_records),
        "redactions": Jsonb(redactions),
    }
    connection.execute(_ADD_COUNTS, parameters)
