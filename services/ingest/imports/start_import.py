"""An import, from request to answer: stores the files, queues a job for the workers, waits a little for it."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import structlog
from fastapi import Request, Response

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events import event_ids, idempotency_keys
from services.ingest.events.key_binding import binding_of
from services.ingest.events.wait import Preference, preference_in
from services.ingest.events.write_event import key_scope
from services.ingest.http import request_checks
from services.ingest.http.responses import ImportAnswer
from services.ingest.imports.uploads import Upload, stored_upload
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.imports.import_jobs import ImportJobs
from shared.auth.authentication import grant_of
from shared.claude_formats.upload_kinds import ARCHIVES
from shared.http.concurrency import RequestSlot, slot_of
from shared.http.errors import BadRequest, Unavailable
from shared.http.middleware import json_response, request_id_of
from shared.jobs import IMPORT, JobKind
from shared.redaction.redact import redact_text

log = structlog.get_logger()

DEFAULT_WAIT_SECONDS = 10


async def import_files(request: Request) -> Response:
    """`POST /api/import/claude-data`: 200 with the counts if the job ends in time, else 202 and the job's address."""
    ingest = ingest_of(request)
    ingest.backlog.check()
    request_checks.check_query(request)
    headers = request_checks.headers_of(request)
    request_checks.check_declared_size(headers, ingest.settings.max_upload_bytes)
    key = idempotency_keys.read_key(headers.get(b"idempotency-key"))
    slot = slot_of(request.scope)
    if not slot.move_to(slot.limits.uploads):
        raise Unavailable("Too many uploads are arriving; send this one again in a moment.", code="OVERLOADED", retry_after_seconds=5)
    async with stored_upload(request, ingest.uploads, ingest.settings.max_upload_bytes) as upload:
        upload.user = binding_of(request).user or upload.user
        if any(file.kind == "tracker_export" for file in upload.files):
            if len(upload.files) > 1:
                raise BadRequest("An export of a tracker is imported by itself: send it without other files.", code="INVALID_FILE")
            # Its rows say whose they are.
            upload.user = binding_of(request).user
        job_id, is_new = await _queue(request, upload, key)
    return await _answer(ingest, slot, job_id, preference_in(headers, slot), is_replay=not is_new)


async def _queue(request: Request, upload: Upload, key: str | None) -> tuple[UUID, bool]:
    """Adds the job to Postgres and sends its tasks. If a task is lost, the worker's sweep finds the job. False if the key has its job already."""
    ingest, scope, grant = ingest_of(request), key_scope(request, binding_of(request)), grant_of(request.scope)
    job_id = event_ids.derived_id(scope, key) if key else uuid4()
    if key:
        # The contents' digests, since a multipart body has another boundary each time.
        await ingest.claimed_keys.claim(scope, key, b"".join(file.blob.digest.digest() for file in upload.files))
    redacted = redact_text if ingest.settings.redact else str
    files = [{"name": redacted(file.name), "blob_url": file.blob.url, "bytes": file.blob.size, "kind": file.kind} for file in upload.files]
    bytes_total = sum(file.blob.size for file in upload.files)
    can_be_split = len(files) > 1 or any(file.kind in ARCHIVES - {"tracker_export"} for file in upload.files)
    shares = ingest.settings.import_shares if can_be_split else 1
    try:
        is_new = await ingest.jobs.add(
            job_id,
            files=files,
            user_name=redacted(upload.user) if upload.user else None,
            bytes_total=bytes_total,
            request_id=request_id_of(request),
            key_id=grant.key_id if grant else None,
            shares=shares,
        )
    except Unavailable as error:
        remove_if_unused(ingest.jobs, job_id, upload)
        raise _unconfirmed(job_id) from error
    if is_new:
        await send_shares(ingest, IMPORT, job_id, shares)
    else:
        await upload.remove()
    return job_id, is_new


def _unconfirmed(job_id: UUID) -> Unavailable:
    error = Unavailable(
        "The database did not confirm the job, so it may be queued or not: see the job in details, or send the files again; each of their "
        "records is stored once.",
        code="DATABASE_UNAVAILABLE",
    )
    error.details = {"outcome": "unknown", "job_id": job_id}
    return error


async def send_shares(ingest: Ingest, kind: JobKind, job_id: UUID, shares: int = 1) -> None:
    """Sends a task for each share of a job."""
    await send_tasks(ingest, kind.task, *((str(job_id), share) for share in range(shares)))


async def _answer(ingest: Ingest, slot: RequestSlot, job_id: UUID, preference: Preference, *, is_replay: bool) -> Response:
    seconds = DEFAULT_WAIT_SECONDS if preference.wait_seconds is None else preference.wait_seconds
    job = await _wait_for_end(ingest, slot, job_id, seconds)
    is_done = job["status"] in ("succeeded", "failed", "cancelled")
    answer = ImportAnswer(job_id=job_id, success=job["status"] == "succeeded" if is_done else None, **job)
    headers = (preference.headers or {}) | (idempotency_keys.REPLAYED if is_replay else {})
    if not is_done:
        headers["Location"] = f"/api/import/jobs/{job_id}"
    return json_response(answer, 200 if is_done else 202, headers)


async def _wait_for_end(ingest: Ingest, slot: RequestSlot, job_id: UUID, seconds: float) -> dict[str, Any]:
    """The job once it has ended or the time is over; at once if too many requests wait; as it was queued if Postgres goes away meanwhile."""
    job: dict[str, Any] = dict.fromkeys(_COUNTS, 0) | {"status": "queued", "errors": [], "skipped_records": {}}
    try:
        job = await ingest.jobs.job(job_id)
        if job["status"] in ("queued", "running") and seconds and slot.move_to(slot.limits.waits):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await ingest.ended_jobs.until_done(job_id)
            job = await ingest.jobs.job(job_id)
    except Unavailable:
        # The job is queued all the same, and the answer has to say so.
        log.warning("import_not_watched", job_id=str(job_id))
    return job


_COUNTS = (
    "projects_imported",
    "sessions_imported",
    "sessions_updated",
    "conversations_imported",
    "activities_imported",
    "tool_calls_imported",
    "duplicates",
    "errors_total",
)


# By then Postgres has committed the statement or never will: its statement_timeout is shorter.
COMMITTED_SECONDS = 4.0
LONGEST_PAUSE_SECONDS = 60.0

# The event loop itself keeps only weak references to tasks.
_checking: set[asyncio.Task[None]] = set()


def remove_if_unused(jobs: ImportJobs, job_id: UUID, upload: Upload) -> None:
    """Keeps the files until Postgres answers, and removes them if the job is missing. If this process ends first, the sweep does it."""
    upload.may_have_job = True
    task = asyncio.create_task(_keep_or_remove(jobs, job_id, upload))
    _checking.add(task)
    task.add_done_callback(_checking.discard)


async def _keep_or_remove(jobs: ImportJobs, job_id: UUID, upload: Upload) -> None:
    pause = COMMITTED_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            has_job = await jobs.has_blob(job_id, upload.files[0].blob.url)
        except Unavailable:
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            continue
        log.info("upload_checked", job_id=str(job_id), has_job=has_job)
        if not has_job:
            await upload.remove()
        return
