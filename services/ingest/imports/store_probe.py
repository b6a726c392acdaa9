"""Whether uploads can be stored, looked at beside the requests: a probe must not wait for a bucket, and events do not need one."""

import asyncio
from contextlib import suppress

import structlog
from prometheus_client import Gauge

from shared.blobs.store import BlobStore, BlobStoreAway, BlobStoreError

log = structlog.get_logger()

LOOK_SECONDS = 30.0
AVAILABLE = Gauge("tracker_uploads_available", "1 if the folder or bucket of uploads could be used when it was last looked at, else 0.")


class UploadWatch:
    """Of this process. `problem` is a sentence, None while all is well."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.problem: str | None = None

    async def refuse_unusable(self) -> None:
        """BlobStoreError if settings or rights are wrong. A store that is only away stops no start."""
        try:
            await asyncio.to_thread(self._store.check)
        except BlobStoreAway as error:
            self._note(str(error))
        else:
            self._note(None)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Looks until `stopping` is set."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()
                    return
            await self.look()

    async def look(self) -> None:
        """Looks once."""
        try:
            await asyncio.to_thread(self._store.check)
        except BlobStoreError as error:
            self._note(str(error))
        else:
            self._note(None)

    def _note(self, problem: str | None) -> None:
        if problem != self.problem:
            log.warning("uploads_unavailable", reason=problem) if problem else log.info("uploads_available")
        self.problem = problem
        AVAILABLE.set(problem is None)
