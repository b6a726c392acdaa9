"""Deletes uploads that no job needs: the job ended while the blob store was away, or ingest died before it stored the job. And exports that are over."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice

import structlog

from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import FORGET_EXPORTS, UPLOADS_SWEPT_KEY
from shared.blobs.store import BlobStore, BlobStoreAway, BlobStoreError, Stored
from shared.blobs.stores import delete_blob, exports_url, store_at
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "upload_gc.sql")

log = structlog.get_logger()

# A job is stored within seconds of its files, but later while Postgres is away.
MIN_AGE = timedelta(days=1)
BATCH = 1_000

_EXPORTS = "SELECT blob_url FROM exports WHERE blob_url = ANY(%(urls)s)"


def sweep_exports(worker: Resources) -> int:
    """Deletes the archives of exports whose time is over, and what lies a day in their store without one. Returns the number of both."""
    with worker.transaction() as connection:
        urls = [row[0] for row in connection.execute(FORGET_EXPORTS)]
    for url in urls:
        delete_blob(url)
    store, before = store_at(exports_url(worker.settings.archive_url)), datetime.now(UTC) - MIN_AGE
    swept = len(urls)
    stored = store.stored()
    while batch := list(islice(stored, BATCH)):
        with worker.transaction() as connection:
            needed = {row[0] for row in connection.execute(_EXPORTS, {"urls": [blob.url for blob in batch]})}
        for blob in batch:
            if blob.url not in needed and blob.changed_at < before:
                store.delete(blob.url)
                swept += 1
    swept += _abort_unfinished(store, before)
    if swept:
        log.info("exports_swept", exports=swept)
    return swept


def sweep(worker: Resources) -> int:
    """Deletes them, and aborts uploads that received no part for a day. Returns the number of both."""
    started_at = time.time()
    store = store_at(worker.settings.blob_url)
    before = datetime.now(UTC) - MIN_AGE
    swept = 0
    stored = store.stored()
    while batch := list(islice(stored, BATCH)):
        for url in _unneeded(worker, batch, before):
            store.delete(url)
            swept += 1
    swept += _abort_unfinished(store, before)
    if swept:
        log.warning("uploads_swept", uploads=swept)
    # Reached only if the store answered: else beat finds that a sweep is due again.
    worker.redis.set(UPLOADS_SWEPT_KEY, started_at)
    return swept


def _abort_unfinished(store: BlobStore, before: datetime) -> int:
    """Some S3 servers cannot list unfinished uploads. There a lifecycle rule of the bucket must abort them."""
    try:
        return store.abort_unfinished(before)
    except BlobStoreAway:
        raise
    except BlobStoreError as error:
        log.warning("unfinished_uploads_not_swept", reason=str(error))
        return 0


def _unneeded(worker: Resources, batch: Iterable[Stored], before: datetime) -> list[str]:
    """Jobs are read after the blobs were listed, so that a job added in between is seen."""
    with worker.transaction() as connection:
        needed = dict(connection.execute(_SQL.jobs, {"urls": [blob.url for blob in batch]}).fetchall())
    return [blob.url for blob in batch if not needed.get(blob.url, blob.changed_at >= before)]
