"""An import job's share: its files are read as a stream and persisted chunk by chunk, the position in the same transaction as the rows.

A worker that dies leaves a share whose lease runs out; the next one goes on behind the last committed chunk. Reading a chunk twice adds nothing.
"""

import time
from typing import Any
from uuid import UUID

import structlog

from services.worker.importers.job import cancelled, shards, undo
from services.worker.importers.job.chunks import chunks_of
from services.worker.importers.job.lease import renewed
from services.worker.importers.job.prefetch import read_ahead
from services.worker.importers.job.redacting import redacted
from services.worker.importers.job.shards import Position, Progress, Share
from services.worker.importers.job.stall_watch import StallWatch
from services.worker.importers.job.store import store
from services.worker.importers.job.whole_files import WholeFiles
from services.worker.resources import Resources
from shared.blobs.store import BlobStoreAway, BlobStoreError
from shared.blobs.stores import delete_blob

log = structlog.get_logger()


def abandoned(worker: Resources) -> list[tuple[UUID, int]]:
    """Shares that wait, or that a worker let fall."""
    with worker.transaction() as connection:
        return shards.abandoned(connection)


def end_cancelled(worker: Resources) -> None:
    """Jobs whose workers do not hear of their cancel. Their uploads are the sweep's to delete: who runs this may not have the store."""
    with worker.transaction() as connection:
        job_ids = cancelled.unheard(connection)
    for job_id in job_ids:
        with worker.transaction() as connection:
            if cancelled.end_cancelled(connection, job_id):
                log.warning("job_cancelled", job_id=str(job_id), reason="its workers did not hear of it in time")


def run(worker: Resources, job_id: UUID, number: int) -> None:
    """Works on a share to its end. Returns at once if another worker has it, or it is finished."""
    with worker.transaction() as connection:
        share = shards.take(connection, job_id, number)
    if share is None:
        return
    with structlog.contextvars.bound_contextvars(request_id=share.request_id, job_id=str(job_id), share=number):
        try:
            watch = StallWatch()
            with renewed(worker.settings.database_url, share, watch):
                _work(worker, share, watch)
        except shards.LeaseLostError:
            log.warning("share_taken_over", reason="it was not renewed in time; another worker goes on with it")
        except BlobStoreAway:
            with worker.transaction() as connection:
                shards.put_back(connection, share)
            raise


def _work(worker: Resources, share: Share, watch: StallWatch) -> None:
    started = time.perf_counter()
    outcome = _worked_on(worker, share, watch)
    with worker.transaction() as connection:
        ended = shards.finish(connection, share, outcome)
    log.info("share_finished", outcome=outcome, duration_ms=round((time.perf_counter() - started) * 1000))
    if ended is not None:
        status, has_files = ended
        if not has_files:
            delete_files(share.files)
        log.info("job_finished", kind=share.kind, status=status)


def _worked_on(worker: Resources, share: Share, watch: StallWatch) -> str:
    if share.attempts > shards.MAX_ATTEMPTS:
        return _give_up(worker, share)
    return _undo(worker, share) if share.kind == "undo" else _import(worker, share, watch)


def _import(worker: Resources, share: Share, watch: StallWatch) -> str:
    """Goes on behind the share's position."""
    if share.is_cancelled:
        return "cancelled"
    chunks = chunks_of(share, worker.idle_gap, watch)
    whole_files = WholeFiles()
    for chunk in read_ahead(watch.watched(redacted(chunks) if worker.settings.redact else chunks)):
        if store(worker, share, chunk, whole_files):
            return "cancelled"
    return "succeeded"


def _undo(worker: Resources, share: Share) -> str:
    number = share.undoes
    assert number is not None
    is_more = True
    while is_more:
        with worker.transaction() as connection:
            is_more = undo.undo_some(worker, connection, number)
            if not is_more:
                undo.clear_up(connection, number)
            shards.advance(connection, share, Progress(Position(), 0))
    return "succeeded"


def _give_up(worker: Resources, share: Share) -> str:
    log.error("share_given_up", attempts=share.attempts)
    error = {
        "code": "GIVEN_UP",
        "message": f"The import was begun {shards.MAX_ATTEMPTS} times and never got on; see the worker's log, then retry it.",
    }
    with worker.transaction() as connection:
        shards.advance(connection, share, Progress(share.position, 0, errors=[error]))
    return "given_up"


def delete_files(files: list[dict[str, Any]]) -> None:
    """An upload holds what the import left out, secrets above all; it is kept no longer than it is needed. What cannot be deleted now, the sweep finds."""
    for file in files:
        try:
            delete_blob(file["blob_url"])
        except BlobStoreError as error:
            log.warning("upload_not_deleted", blob_url=file["blob_url"], reason=str(error))


def delete_old_files(worker: Resources) -> None:
    """Of jobs that were given up, when nobody has tried them again for a day."""
    with worker.transaction() as connection:
        forgotten = shards.forget_files(connection)
    for files in forgotten:
        delete_files(files)
        log.info("upload_deleted", reason="its job failed a day ago and was not tried again", files=len(files))
