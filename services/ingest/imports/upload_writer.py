"""Writes uploads to the blob store as they arrive, in threads. They are durable before their job is added."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import IO, Final

import structlog

from shared.blobs.store import BlobStore, BlobStoreError, NewBlob
from shared.http.errors import Unavailable

log = structlog.get_logger()

AWAY: Final = "Uploads cannot be stored now and nothing was stored; send the file again in a while."
RETRY_AFTER_SECONDS: Final = 10
# The event loop itself keeps only weak references to tasks.
_removing: set[asyncio.Task[None]] = set()


@dataclass(slots=True)
class Blob:
    """One upload. The server chooses its name; the client's name for it is only text."""

    store: BlobStore
    new: NewBlob
    size: int = 0
    # All of it has arrived.
    is_whole: bool = False
    is_closed: bool = False
    digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=16))
    _buffer: bytearray = field(default_factory=bytearray)
    # A thread may still write after its request was cancelled.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The address under which the worker finds it."""
        return self.new.url

    def add(self, data: bytes) -> None:
        """Adds bytes to a buffer; `flush` or `close` stores them."""
        self.size += len(data)
        self._buffer += data

    async def flush(self) -> None:
        """Stores the buffer if it is enough for a part. Closes a blob that is whole, so that of many small files only one is in memory."""
        if self.is_whole:
            await self.close()
        elif len(self._buffer) >= self.new.part_bytes:
            await asyncio.to_thread(self._write)

    async def close(self) -> None:
        """Makes it durable. Unavailable UPLOADS_UNAVAILABLE if the store is away."""
        if not self.is_closed:
            await asyncio.to_thread(self._finish)
            self.is_closed = True

    def open(self) -> IO[bytes]:
        """Its content; only after `close`."""
        return self.store.open(self.url)

    def _write(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        self.digest.update(data)
        with self._lock, answering_503():
            self.new.write(data)

    def _finish(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        self.digest.update(data)
        with self._lock, answering_503():
            self.new.finish(data)

    async def remove(self) -> None:
        """Removes it, also if the caller is cancelled. If the store is away, the worker's sweep removes it later."""
        task = asyncio.create_task(asyncio.to_thread(self._discard))
        _removing.add(task)
        task.add_done_callback(_removing.discard)
        await asyncio.shield(task)

    def _discard(self) -> None:
        try:
            with self._lock:
                self.new.discard()
        except BlobStoreError as error:
            log.warning("upload_not_removed", blob_url=self.url, reason=str(error))


def new_blob(store: BlobStore) -> Blob:
    """Makes an empty blob. Unavailable UPLOADS_UNAVAILABLE if the store accepts none."""
    with answering_503():
        return Blob(store, store.new())


@contextmanager
def answering_503() -> Iterator[None]:
    """Turns a BlobStoreError into the 503; the log has the reason."""
    try:
        yield
    except BlobStoreError as error:
        log.error("uploads_unavailable", reason=str(error))
        raise Unavailable(AWAY, code="UPLOADS_UNAVAILABLE", retry_after_seconds=RETRY_AFTER_SECONDS) from error
