"""Import jobs: the list, and one of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from services.query.queries.paging import Conditions, Page, Paging, Row, page, rows

_JOBS = """
    SELECT id AS job_id, status, stage, bytes_done, bytes_total, created_at, started_at, finished_at,
        projects_imported, sessions_imported, sessions_updated, conversations_imported, activities_imported, tool_calls_imported, duplicates,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('name', f -> 'name', 'bytes', f -> 'bytes', 'kind', f -> 'kind')), '[]')
         FROM jsonb_array_elements(files) AS f) AS files,
        errors, errors_total
    FROM import_jobs
    {where}
    ORDER BY created_at DESC, id DESC
"""


def jobs(connection: Connection, paging: Paging) -> Page:
    """All import jobs, newest first."""
    conditions = Conditions()
    conditions.add_after(paging.after(("time", "uuid")), "created_at, id", ("timestamptz", "uuid"))
    found = page(connection, _JOBS, conditions, paging, lambda row: (row["created_at"], row["job_id"]))
    return Page([_shown(row) for row in found.items], found.next_cursor)


def job(connection: Connection, job_id: UUID) -> Row | None:
    """One import job."""
    found = rows(connection, _JOBS.replace("{where}", "WHERE id = :id"), {"id": job_id})
    return _shown(found[0]) if found else None


def _shown(row: Row) -> Row:
    progress = progress_of(row["status"], row["bytes_done"], row["bytes_total"])
    head = {"job_id": row["job_id"], "status": row["status"], "progress": progress, "eta_seconds": _eta_seconds(row, datetime.now(UTC))}
    return head | row


def progress_of(status: str, bytes_done: int, bytes_total: int) -> float:
    """0..1; 1 only when it is through."""
    if status == "succeeded":
        return 1.0
    return min(round(bytes_done / bytes_total, 4), 0.9999) if bytes_total else 0.0


def _eta_seconds(row: dict[str, Any], now: datetime) -> float | None:
    """At the pace so far; None where there is none yet, or the job is over."""
    if row["status"] != "running" or not row["bytes_done"] or row["started_at"] is None:
        return None
    elapsed: float = (now - row["started_at"]).total_seconds()
    remaining = max(row["bytes_total"] - row["bytes_done"], 0) / row["bytes_done"]
    return float(round(max(elapsed, 0.0) * remaining, 1))
