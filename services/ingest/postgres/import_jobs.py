"""The SQL of jobs on the writing side: adds, finds, cancels, retries and undoes imports, and adds scrubs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from services.ingest.postgres.audit import AuditRecord, run_audited
from services.ingest.postgres.database import Database
from shared.upload_kinds import READER_VERSION

_ADD_JOB = """
    WITH job AS (
        INSERT INTO import_jobs (id, files, user_name, bytes_total, request_id, key_id)
        VALUES (%(id)s, %(files)s, %(user_name)s, %(bytes_total)s, %(request_id)s, %(key_id)s)
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    )
    INSERT INTO import_shares (job_id, share) SELECT id, generate_series(0, %(shares)s - 1) FROM job RETURNING job_id"""
_HAS_BLOB = """
    SELECT FROM import_jobs WHERE id = %(id)s AND files @> jsonb_build_array(jsonb_build_object('blob_url', %(blob_url)s::text))"""
_JOB = """
    SELECT status, projects_imported, sessions_imported, sessions_updated, conversations_imported, activities_imported,
           tool_calls_imported, duplicates, skipped_records, errors, errors_total
    FROM import_jobs WHERE id = %(id)s"""
_ENDED = "SELECT id FROM import_jobs WHERE id = ANY(%(ids)s) AND status NOT IN ('queued', 'running')"

# Each of these gives one row: the job's status, NULL if there is no such job, and whether it was done. The job of live capture is nobody's.
_CANCEL_JOB = """
    WITH done AS (
        UPDATE import_jobs SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
        WHERE id = %(id)s AND kind IN ('import', 'reparse') AND status IN ('queued', 'running') RETURNING id
    )
    SELECT (SELECT status FROM import_jobs WHERE id = %(id)s AND kind <> 'capture') AS status, EXISTS (SELECT FROM done) AS done"""
_RETRY_JOB = """
    WITH done AS (
        UPDATE import_jobs SET status = 'queued', stage = 'queued', finished_at = NULL
        WHERE id = %(id)s AND kind <> 'capture' AND status = 'failed' AND has_files RETURNING id, new.status
    ), shares AS (
        UPDATE import_shares AS s SET outcome = NULL, attempts = 0 FROM done WHERE s.job_id = done.id AND s.outcome = 'given_up'
    )
    SELECT coalesce((SELECT status FROM done), (SELECT status FROM import_jobs WHERE id = %(id)s AND kind <> 'capture')) AS status, EXISTS (SELECT FROM done) AS done,
           (SELECT count(*) FROM import_shares WHERE job_id = %(id)s) AS shares"""
_ADD_UNDO_JOB = """
    WITH undoing AS (
        INSERT INTO import_jobs (id, kind, undoes, files, has_files, request_id)
        SELECT %(undo_id)s, 'undo', id, '[]', false, %(request_id)s FROM import_jobs
        WHERE id = %(id)s AND kind = 'import' AND status NOT IN ('queued', 'running')
        ON CONFLICT (undoes) WHERE status IN ('queued', 'running', 'succeeded') DO NOTHING
        RETURNING id, status
    ), shares AS (
        INSERT INTO import_shares (job_id, share) SELECT id, 0 FROM undoing
    ), found AS (
        SELECT id, status FROM undoing
        UNION ALL SELECT id, status FROM import_jobs WHERE undoes = %(id)s AND status IN ('queued', 'running', 'succeeded')
    )
    SELECT (SELECT status FROM import_jobs WHERE id = %(id)s AND kind <> 'capture') AS status, f.id IS NOT NULL AS done, f.id AS undo_id, f.status AS undo_status
    FROM (SELECT 1) AS one LEFT JOIN found AS f ON true LIMIT 1"""

# Only where there is something to read.
_ADD_REPARSE = """
    WITH job AS (
        INSERT INTO import_jobs (id, kind, files, has_files, selection, request_id)
        SELECT %(id)s, 'reparse', '[]', false, %(selection)s, %(request_id)s
        WHERE EXISTS (SELECT FROM transcript_files AS f LEFT JOIN sessions AS s USING (session_id)
                      WHERE (%(session_id)s::text IS NULL OR f.session_id = %(session_id)s)
                        AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s))
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    ), shares AS (
        INSERT INTO import_shares (job_id, share) SELECT id, 0 FROM job
    )
    SELECT true AS is_known, EXISTS (SELECT FROM job) AS done
    WHERE EXISTS (SELECT FROM job) OR EXISTS (SELECT FROM import_jobs WHERE id = %(id)s)"""

_ADD_SCRUB = """
    INSERT INTO scrubs (id, is_dry_run, request_id) VALUES (%(id)s, %(is_dry_run)s, %(request_id)s)
    ON CONFLICT (id) DO NOTHING RETURNING true AS done"""

# This many take 20 ms. On a busy machine all of a large manifest at once took longer than the time limit of a request.
CONTENTS_AT_ONCE = 5_000
# Returns indexes, since they are small.
_UNSEEN = """
    SELECT n - 1 AS index FROM unnest(%(sha256s)s::bytea[]) WITH ORDINALITY AS f (sha256, n)
    WHERE NOT EXISTS (
        SELECT FROM imported_files AS i JOIN import_jobs AS j ON j.number = i.job_number
        WHERE i.sha256 = f.sha256 AND i.reader_version >= %(reader_version)s AND (
            %(user_name)s::text IS NULL OR j.user_name = %(user_name)s OR j.user_name IN (
                SELECT name FROM users WHERE coalesce(alias_of, id) = (SELECT coalesce(alias_of, id) FROM users WHERE name = %(user_name)s))))
    ORDER BY n"""


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
        return bool(await self._database.rows(_ADD_JOB, params))

    async def has_blob(self, job_id: UUID, blob_url: str) -> bool:
        """Whether the job exists and has this upload."""
        return bool(await self._database.rows(_HAS_BLOB, {"id": job_id, "blob_url": blob_url}))

    async def job(self, job_id: UUID) -> dict[str, Any]:
        """A job's status, counts and errors."""
        [row] = await self._database.rows(_JOB, {"id": job_id})
        return row

    async def ended(self, job_ids: Collection[UUID]) -> list[UUID]:
        """The jobs that have ended, with any result."""
        return [row["id"] for row in await self._database.rows(_ENDED, {"ids": list(job_ids)})]

    async def cancel(self, job_id: UUID, record: AuditRecord) -> dict[str, Any]:
        """{status, done}: not done if the job has ended, or does not exist (status None)."""
        return await self._change(_CANCEL_JOB, {"id": job_id}, record)

    async def retry(self, job_id: UUID, record: AuditRecord) -> dict[str, Any]:
        """{status, done, shares}: done if it had failed and its files are still there."""
        return await self._change(_RETRY_JOB, {"id": job_id}, record)

    async def add_undo(self, job_id: UUID, record: AuditRecord) -> dict[str, Any]:
        """{status, done, undo_id, undo_status}: the job that undoes an ended import; the same job each time."""
        return await self._change(_ADD_UNDO_JOB, {"id": job_id, "undo_id": uuid4(), "request_id": record.request_id}, record)

    async def add_reparse(self, job_id: UUID, selection: Mapping[str, Any], *, record: AuditRecord) -> bool | None:
        """Adds a queued reparse. False if there is one with this id already; None if the archive has nothing of the selection.

        `selection`: session_id or project_id or neither, dry_run, max_removed.
        """
        params = {"id": job_id, "selection": Jsonb(dict(selection)), "request_id": record.request_id}
        params |= {name: selection.get(name) for name in ("session_id", "project_id")}
        row = await run_audited(self._database, _ADD_REPARSE, params, record)
        return None if row is None else bool(row["done"])

    async def unseen_contents(self, sha256s: Sequence[bytes], user_name: str | None) -> list[int]:
        """The indexes of the files that no import has stored completely for this user; None: for any user."""
        unseen: list[int] = []
        for start in range(0, len(sha256s), CONTENTS_AT_ONCE):
            params = {"sha256s": sha256s[start : start + CONTENTS_AT_ONCE], "user_name": user_name, "reader_version": READER_VERSION}
            rows = await self._database.rows(_UNSEEN, params)
            unseen += [start + row["index"] for row in rows]
        return unseen

    async def add_scrub(self, scrub_id: UUID, *, is_dry_run: bool, record: AuditRecord) -> bool:
        """Adds a queued scrub. False if there is one with this id already."""
        params = {"id": scrub_id, "is_dry_run": is_dry_run, "request_id": record.request_id}
        return await run_audited(self._database, _ADD_SCRUB, params, record) is not None

    async def _change(self, statement: str, params: Mapping[str, Any], record: AuditRecord) -> dict[str, Any]:
        row = await run_audited(self._database, statement, params, record)
        assert row is not None
        return row
