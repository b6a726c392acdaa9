"""The SQL of jobs on the writing side: adds, finds, cancels, retries and undoes imports."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from services.ingest.postgres.audit import AuditRecord, change_audited, run_audited
from services.ingest.postgres.database import Database
from shared.claude_formats.upload_kinds import READER_VERSION
from shared.jobs import KINDS
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "import_jobs.sql")

_ENDED = "SELECT id FROM import_jobs WHERE id = ANY(%(ids)s) AND status NOT IN ('queued', 'running')"


# This many take 20 ms. On a busy machine all of a large manifest at once took longer than the time limit of a request.
CONTENTS_AT_ONCE = 5_000


class ImportJobs:
    """Every method answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        job_id: UUID,
        *,
        files: list[dict[str, Any]],
        user_name: str | None,
        bytes_total: int,
        request_id: str,
        key_id: str | None,
        shares: int,
    ) -> bool:
        """Adds a queued job. False if there is one with this id already."""
        params = {"id": job_id, "files": Jsonb(files), "user_name": user_name, "bytes_total": bytes_total, "request_id": request_id}
        params |= {"key_id": key_id, "shares": shares}
        return bool(await self._database.rows(_SQL.add_job, params))

    async def has_blob(self, job_id: UUID, blob_url: str) -> bool:
        """Whether the job exists and has this upload."""
        return bool(await self._database.rows(_SQL.has_blob, {"id": job_id, "blob_url": blob_url}))

    async def job(self, job_id: UUID) -> dict[str, Any]:
        """A job's status, counts and errors."""
        [row] = await self._database.rows(_SQL.job, {"id": job_id})
        return row

    async def ended(self, job_ids: Collection[UUID]) -> list[UUID]:
        """The jobs that have ended, with any result."""
        return [row["id"] for row in await self._database.rows(_ENDED, {"ids": list(job_ids)})]

    async def cancel(self, job_id: UUID, record: AuditRecord) -> dict[str, Any]:
        """{status, done}: not done if the job has ended, or does not exist (status None)."""
        kinds = [kind.name for kind in KINDS.values() if kind.can_be_cancelled]
        return await change_audited(self._database, _SQL.cancel_job, {"id": job_id, "kinds": kinds}, record)

    async def retry(self, job_id: UUID, record: AuditRecord) -> dict[str, Any]:
        """{status, done, shares}: done if it had failed and its files are still there."""
        return await change_audited(self._database, _SQL.retry_job, {"id": job_id}, record)

    async def add_undo(self, job_id: UUID, record: AuditRecord) -> dict[str, Any]:
        """{status, done, undo_id, undo_status}: the job that undoes an ended import; the same job each time."""
        return await change_audited(
            self._database, _SQL.add_undo_job, {"id": job_id, "undo_id": uuid4(), "request_id": record.request_id}, record
        )

    async def add_reparse(self, job_id: UUID, selection: Mapping[str, Any], *, record: AuditRecord) -> bool | None:
        """Adds a queued reparse. False if there is one with this id already; None if the archive has nothing of the selection.

        `selection`: session_id or project_id or neither, dry_run, max_removed.
        """
        params = {"id": job_id, "selection": Jsonb(dict(selection)), "request_id": record.request_id}
        params |= {name: selection.get(name) for name in ("session_id", "project_id")}
        row = await run_audited(self._database, _SQL.add_reparse, params, record)
        return None if row is None else bool(row["done"])

    async def unseen_contents(self, sha256s: Sequence[bytes], user_name: str | None) -> list[int]:
        """The indexes of the files that no import has stored completely for this user; None: for any user."""
        unseen: list[int] = []
        for start in range(0, len(sha256s), CONTENTS_AT_ONCE):
            params = {"sha256s": sha256s[start : start + CONTENTS_AT_ONCE], "user_name": user_name, "reader_version": READER_VERSION}
            rows = await self._database.rows(_SQL.unseen, params)
            unseen += [start + row["index"] for row in rows]
        return unseen

    async def add_export(
        self, export_id: UUID, selection: Mapping[str, Any], *, bound_user: str | None, key_id: str | None, record: AuditRecord
    ) -> tuple[UUID, bool] | None:
        """Adds a queued export, and gives its id and True. False with one of the same selection that has not ended; None if the user or project is unknown.

        `bound_user`: the only user whose key sees it besides admins.
        """
        params = {"id": export_id, "selection": Jsonb(dict(selection)), "bound_user": bound_user, "key_id": key_id}
        params |= {"request_id": record.request_id, "user": selection.get("user"), "project_id": selection.get("project_id")}
        row = await run_audited(self._database, _SQL.add_export, params, record)
        return None if row is None or row["id"] is None else (row["id"], row["done"])

    async def delete_export(self, export_id: UUID, *, of_user: str | None, record: AuditRecord) -> bool:
        """Ends an export, written or not. False if no export has this id, or it is not of `of_user`; None: any user's."""
        return await run_audited(self._database, _SQL.delete_export, {"id": export_id, "of_user": of_user}, record) is not None
