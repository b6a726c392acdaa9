"""Checks in the background whether uploads can be stored: /readyz must not wait for a bucket, and events do not need one."""

import asyncio
import os
from math import nan
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import structlog
from prometheus_client import Gauge

from shared import metrics
from shared.blobs.store import BlobStore, BlobStoreAway, BlobStoreError
from shared.periodic import stops_within

VOLUME: Final = "uploads"


def show_disk(blob_url: str) -> None:
    """Sets the gauges, which look at each scrape. A store that is not a folder has no such gauges."""
    parts = urlsplit(blob_url)
    if parts.scheme != "file":
        return
    folder = Path(unquote(parts.path))
    metrics.DISK_FREE_BYTES.labels(VOLUME).set_function(lambda: _bytes(folder, free=True))
    metrics.DISK_BYTES.labels(VOLUME).set_function(lambda: _bytes(folder, free=False))


def _bytes(folder: Path, *, free: bool) -> float:
    """NaN if it cannot be found out. Before the first upload there is no folder yet; then its parent is looked at, which is on the same disk."""
    try:
        found = os.statvfs(next(path for path in (folder, *folder.parents) if path.exists()))
    except OSError:
        return nan
    return float(found.f_frsize * (found.f_bavail if free else found.f_blocks))


log = structlog.get_logger()

CHECK_SECONDS = 30.0
AVAILABLE = Gauge("tracker_uploads_available", "1 if the folder or bucket of uploads could be used when it was last looked at, else 0.")


class StoreProbe:
    """The last check's result. `problem` is a sentence, None if uploads can be stored."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.problem: str | None = None

    async def check_at_start(self) -> None:
        """The first check: BlobStoreError if settings or rights are wrong. A store that is only away does not stop the start."""
        try:
            await asyncio.to_thread(self._store.check)
        except BlobStoreAway as error:
            self._set(str(error))
        else:
            self._set(None)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Checks until `stopping` is set."""
        while not await stops_within(stopping, CHECK_SECONDS):
            await self.check()

    async def check(self) -> None:
        """Checks once."""
        try:
            await asyncio.to_thread(self._store.check)
        except BlobStoreError as error:
            self._set(str(error))
        else:
            self._set(None)

    def _set(self, problem: str | None) -> None:
        if problem != self.problem:
            log.warning("uploads_unavailable", reason=problem) if problem else log.info("uploads_available")
        self.problem = problem
        AVAILABLE.set(problem is None)
