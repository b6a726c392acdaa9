"""Import jobs: the list, one of them, and those that are watched."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from services.query.answers.operations import ImportJob, JobPage
from services.query.database import Connection, Row, fetch
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "import_jobs.sql")

ENDED = frozenset({"succeeded", "failed", "cancelled"})


def jobs(connection: Connection, paging: Paging, key_id: str | None = None) -> JobPage:
    """All import jobs, or those that one key sent, newest first."""
    parameters = {"ids": None, "key_id": key_id} | paging.after(time="time", id="uuid")
    items, next_cursor = page(connection, ImportJob, _SQL.jobs, parameters, paging, ("created_at", "job_id"), prepare=_prepare)
    return JobPage(items, next_cursor)


def job(connection: Connection, job_id: UUID, key_id: str | None = None) -> ImportJob | None:
    """One import job; None also if another key than `key_id` sent it."""
    return jobs_by_id(connection, [job_id], key_id).get(job_id)


def jobs_by_id(connection: Connection, job_ids: Iterable[UUID], key_id: str | None = None) -> dict[UUID, ImportJob]:
    """The jobs that exist and that the key sent."""
    parameters = {"ids": list(job_ids), "key_id": key_id, "after_time": None, "after_id": None, "fetch": None}
    return {each.job_id: each for each in fetch(connection, ImportJob, _SQL.jobs, parameters, _prepare)}


def _prepare(row: Row) -> None:
    """Progress and pace, until now or the job's end."""
    left, made = row.pop("sessions_left"), row.pop("sessions_made")
    done, total = (row["bytes_done"], row["bytes_total"]) if left is None else (max(made, left) - left, max(made, left))
    seconds = ((row["finished_at"] or datetime.now(UTC)) - row["started_at"]).total_seconds() if row["started_at"] else 0.0
    row["progress"] = progress_of(row["status"], done, total)
    row["eta_seconds"] = eta_seconds(seconds, done, total) if row["status"] == "running" else None
    row["rows_per_second"] = round(row["rows_done"] / seconds, 1) if seconds > 0 and row["rows_done"] else None


def progress_of(status: str, done: int, total: int) -> float:
    """0..1; 1 only when the job is done."""
    if status == "succeeded":
        return 1.0
    return min(round(done / total, 4), 0.9999) if total else 0.0


def eta_seconds(seconds: float, done: int, total: int) -> float | None:
    """Estimated from the pace so far; None while the pace is not known."""
    return round(max(seconds, 0.0) * max(total - done, 0) / done, 1) if done else None
