"""Uploads that nobody needs: of jobs that have ended while the store was away, and of nobody, since ingest died between file and job."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice

import structlog

from services.worker.resources import Resources
from shared.blobs.store import BlobStore, BlobStoreAway, BlobStoreError, Stored
from shared.blobs.stores import store_at

log = structlog.get_logger()

# A job comes within seconds of its files; while Postgres is away, later.
PATIENCE = timedelta(days=1)
BATCH = 1_000

# Whether a job still needs it; no row for one that no job knows.
_JOBS = """
    SELECT file ->> 'blob_url', bool_or(has_files) FROM import_jobs, jsonb_array_elements(files) AS file
    WHERE file ->> 'blob_url' = ANY(%s) GROUP BY 1"""


def sweep(worker: Resources) -> int:
    """Deletes them, and ends uploads of which no part came for a day. Gives the number of both."""
    store = store_at(worker.settings.blob_url)
    before = datetime.now(UTC) - PATIENCE
    swept = 0
    stored = store.stored()
    while batch := list(islice(stored, BATCH)):
        for url in _needless(worker, batch, before):
            store.delete(url)
            swept += 1
    swept += _aborted(store, before)
    if swept:
        log.warning("uploads_swept", uploads=swept)
    return swept


def _aborted(store: BlobStore, before: datetime) -> int:
    """Not every server that speaks S3 can list them; then a rule of the bucket has to end them."""
    try:
        return store.abort_unfinished(before)
    except BlobStoreAway:
        raise
    except BlobStoreError as error:
        log.warning("unfinished_uploads_not_swept", reason=str(error))
        return 0


def _needless(worker: Resources, batch: Iterable[Stored], before: datetime) -> list[str]:
    """The jobs are asked for after the blobs were listed, so that a job which is added meanwhile is known."""
    with worker.transaction() as connection:
        needed = dict(connection.execute(_JOBS, [[blob.url for blob in batch]]).fetchall())
    return [blob.url for blob in batch if not needed.get(blob.url, blob.changed_at >= before)]
