"""Uploads on disk: written as they arrive, named by us, readable by nobody else, durable before they are announced."""

import asyncio
import os
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit
from uuid import uuid4

# Little enough to hold, enough to be worth a thread's turn.
WRITE_BYTES = 1024**2


def blob_folder(blob_url: str) -> Path:
    """The folder of a `file://` URL; ValueError for another kind."""
    parts = urlsplit(blob_url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError(f"TRACKER_BLOB_URL must be file:// and an absolute folder, not {blob_url!r}.")
    return Path(unquote(parts.path))


@dataclass(slots=True)
class Blob:
    """One upload. Its path is ours; the client's name for it is text and opens nothing."""

    path: Path
    file: BinaryIO
    size: int = 0
    digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=16))
    _buffer: bytearray = field(default_factory=bytearray)

    @property
    def url(self) -> str:
        """Where the worker finds it."""
        return self.path.as_uri()

    def add(self, data: bytes) -> None:
        """Takes the next bytes; they are on disk after `flush`."""
        self.size += len(data)
        self._buffer += data

    async def flush(self, *, if_over: int = 0) -> None:
        """Writes what was added, if it is more than `if_over` bytes."""
        if len(self._buffer) > if_over:
            data, self._buffer = bytes(self._buffer), bytearray()
            await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        self.digest.update(data)
        self.file.write(data)

    async def close(self) -> None:
        """Makes it durable."""
        await self.flush()
        await asyncio.to_thread(self._sync)

    def _sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self) -> None:
        """Takes it off the disk."""
        self.file.close()
        self.path.unlink(missing_ok=True)


def new_blob(folder: Path) -> Blob:
    """An empty blob, mode 0600, in a folder that is made if it is missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / str(uuid4())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return Blob(path, os.fdopen(descriptor, "wb"))
