"""An upload whose job was neither confirmed nor refused: its files are needed if the job was added all the same, and removed if not."""

import asyncio
from uuid import UUID

import structlog

from services.ingest.imports.uploads import Upload
from services.ingest.postgres.import_jobs import JobRegistry
from shared.http.errors import Unavailable

log = structlog.get_logger()

# After this long what was sent to Postgres is committed or never will be: its statement_timeout is less.
SETTLED_SECONDS = 4.0
LONGEST_PAUSE_SECONDS = 60.0

# The loop itself remembers its tasks only weakly.
_settling: set[asyncio.Task[None]] = set()


def settle_later(jobs: JobRegistry, job_id: UUID, upload: Upload) -> None:
    """Keeps the files, and asks for the job as soon as Postgres answers. A process that ends before leaves them to the worker's sweep."""
    upload.in_doubt = True
    task = asyncio.create_task(_settle(jobs, job_id, upload))
    _settling.add(task)
    task.add_done_callback(_settling.discard)


async def _settle(jobs: JobRegistry, job_id: UUID, upload: Upload) -> None:
    pause = SETTLED_SECONDS
    while True:
        await asyncio.sleep(pause)
        try:
            has_job = await jobs.has_blob(job_id, upload.files[0].blob.url)
        except Unavailable:
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            continue
        log.info("upload_settled", job_id=str(job_id), has_job=has_job)
        if not has_job:
            await upload.remove()
        return
