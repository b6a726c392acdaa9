"""Uploads whose job Postgres did not confirm: the files stay if the job was added all the same, and are removed if not."""

import asyncio
from uuid import UUID

import structlog

from services.ingest.imports.uploads import Upload
from services.ingest.postgres.imports.import_jobs import ImportJobs
from shared.http.errors import Unavailable

log = structlog.get_logger()

# By then Postgres has committed the statement or never will: its statement_timeout is shorter.
COMMITTED_SECONDS = 4.0
LONGEST_PAUSE_SECONDS = 60.0

# The event loop itself keeps only weak references to tasks.
_checking: set[asyncio.Task[None]] = set()


def remove_if_unused(jobs: ImportJobs, job_id: UUID, upload: Upload) -> None:
    """Keeps the files until Postgres answers, and removes them if the job is missing. If this process ends first, the sweep does it."""
    upload.may_have_job = True
    task = asyncio.create_task(_check(jobs, job_id, upload))
    _checking.add(task)
    task.add_done_callback(_checking.discard)


async def _check(jobs: ImportJobs, job_id: UUID, upload: Upload) -> None:
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
