"""Every Celery task, a table of contents. A task carries no data but an id; its work is in the module it calls."""

from uuid import UUID

from services.worker.app import app
from services.worker.drain import accounting, canary
from services.worker.drain import drain_partition as journal
from services.worker.importers.job import run_shard
from services.worker.maintenance import idle_sessions, upload_gc
from services.worker.maintenance import scrub as scrubs
from services.worker.resources import resources
from services.worker.retry_later import retry_later_if_unavailable
from shared.broker import (
    TASK_CANARY,
    TASK_CHECK_ACCOUNTING,
    TASK_CLOSE_IDLE_SESSIONS,
    TASK_DRAIN,
    TASK_END_CANCELLED,
    TASK_REMOVE_DEAD_CONSUMERS,
    TASK_RUN_IMPORT,
    TASK_SCRUB,
    TASK_SWEEP_UPLOADS,
)

# Not bounded by how long an import may take, only by how long one may hang.
IMPORT_SECONDS = 24 * 3600
# A drain is over within seconds; one that is not waits for a server that nobody has told it is gone. Then events wait for this long.
DRAIN_HANGS_SECONDS = 25


@app.task(name=TASK_DRAIN, soft_time_limit=DRAIN_HANGS_SECONDS, time_limit=DRAIN_HANGS_SECONDS + 10)
def drain() -> None:
    """Persists what is in the journal. Sent by ingest for new events, and by beat where that was lost."""
    with retry_later_if_unavailable(TASK_DRAIN):
        if journal.drain(resources()):
            app.send_task(TASK_DRAIN)


# Acknowledged at its end, so that a worker whose processes are all busy takes no share that another could begin.
@app.task(name=TASK_RUN_IMPORT, acks_late=True, soft_time_limit=IMPORT_SECONDS, time_limit=IMPORT_SECONDS)
def run_import(job_id: str, share: int = 0) -> None:
    """Works on a share of an import job until it is finished. Sent by ingest, and by beat for one that nobody works on."""
    with retry_later_if_unavailable(TASK_RUN_IMPORT):
        run_shard.run(resources(), UUID(job_id), share)


@app.task(name=TASK_END_CANCELLED)
def end_cancelled() -> None:
    """Ends import jobs whose workers do not react to their cancel."""
    with retry_later_if_unavailable(TASK_END_CANCELLED):
        run_shard.end_cancelled(resources())


@app.task(name=TASK_SWEEP_UPLOADS)
def sweep_uploads() -> None:
    """Deletes uploads that no job needs, or that nobody tries again."""
    with retry_later_if_unavailable(TASK_SWEEP_UPLOADS):
        run_shard.delete_old_files(resources())
        upload_gc.sweep(resources())


@app.task(name=TASK_CLOSE_IDLE_SESSIONS)
def close_idle_sessions() -> None:
    """Closes open sessions in which nothing has happened for a while."""
    with retry_later_if_unavailable(TASK_CLOSE_IDLE_SESSIONS):
        idle_sessions.close_idle_sessions(resources())


@app.task(name=TASK_REMOVE_DEAD_CONSUMERS)
def remove_dead_consumers() -> None:
    """Forgets the journal's consumers that are gone and hold nothing."""
    with retry_later_if_unavailable(TASK_REMOVE_DEAD_CONSUMERS):
        idle_sessions.remove_dead_consumers(resources())


@app.task(name=TASK_CHECK_ACCOUNTING)
def check_accounting() -> None:
    """Asserts that what was accepted is stored, a duplicate, dead or still in the journal."""
    with retry_later_if_unavailable(TASK_CHECK_ACCOUNTING):
        accounting.check_accounting(resources())


@app.task(name=TASK_SCRUB)
def scrub(scrub_id: str) -> None:
    """Applies the rules of redaction to stored rows. Sent by ingest, by itself until it is through, and by beat."""
    with retry_later_if_unavailable(TASK_SCRUB):
        if scrubs.run(resources(), UUID(scrub_id)):
            app.send_task(TASK_SCRUB, (scrub_id,))


@app.task(name=TASK_CANARY)
def send_canary() -> None:
    """Checks for the last canary, and sends the next."""
    with retry_later_if_unavailable(TASK_CANARY):
        canary.check_and_send(resources())
