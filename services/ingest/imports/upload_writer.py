"""Uploads on their way to the store: written as they arrive, by threads, and durable before they are announced."""

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

AWAY: Final = "Uploads cannot be stored now, nothing was kept; send the file again in a while."
RETRY_AFTER_SECONDS: Final = 10
# The loop itself remembers its tasks only weakly.
_removing: set[asyncio.Task[None]] = set()


@dataclass(slots=True)
class Blob:
    """One upload. Its name is ours; the client's name for it is text and opens nothing."""

    store: BlobStore
    new: NewBlob
    size: int = 0
    # All of it has come.
    is_whole: bool = False
    is_closed: bool = False
    digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=16))
    _buffer: bytearray = field(default_factory=bytearray)
    # A thread may still be writing when its request has been cancelled.
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Where the worker finds it."""
        return self.new.url

    def add(self, data: bytes) -> None:
        """Takes the next bytes; they are stored after `flush` or `close`."""
        self.size += len(data)
        self._buffer += data

    async def flush(self) -> None:
        """Stores what was added if it is enough for a part. Closes the blob if it is whole: of many small files no more than one is held."""
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
        """Its content, once it is closed."""
        return self.store.open(self.url)

    def _write(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        self.digest.update(data)
        with self._turn, answering_503():
            self.new.write(data)

    def _finish(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        self.digest.update(data)
        with self._turn, answering_503():
            self.new.finish(data)

    async def remove(self) -> None:
        """Leaves nothing of it, also if whoever asks is cancelled. Where that cannot be had now, the worker's sweep finds it."""
        task = asyncio.create_task(asyncio.to_thread(self._discard))
        _removing.add(task)
        task.add_done_callback(_removing.discard)
        await asyncio.shield(task)

    def _discard(self) -> None:
        try:
            with self._turn:
                self.new.discard()
        except BlobStoreError as error:
            log.warning("upload_not_removed", blob_url=self.url, reason=str(error))


def new_blob(store: BlobStore) -> Blob:
    """An empty blob. Unavailable UPLOADS_UNAVAILABLE if the store takes none."""
    with answering_503():
        return Blob(store, store.new())


@contextmanager
def answering_503() -> Iterator[None]:
    """Turns a store that is away or refuses into the 503; the log says why."""
    try:
        yield
    except BlobStoreError as error:
        log.error("uploads_unavailable", reason=str(error))
        raise Unavailable(AWAY, code="UPLOADS_UNAVAILABLE", retry_after_seconds=RETRY_AFTER_SECONDS) from error
