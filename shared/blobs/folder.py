"""Uploads in a folder: readable by this user only, durable before they are announced. Ingest and worker must see the same disk."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from shared.blobs.names import is_ours
from shared.blobs.store import BlobStoreAway, BlobStoreError, Stored

# Little enough to hold, enough to be worth a thread's turn.
PART_BYTES = 1024**2
_REFUSALS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class FolderStore:
    """The folder of a `file://` URL; ValueError for another kind."""

    def __init__(self, url: str, reserve_bytes: int = 0) -> None:
        self.folder = _path(url)
        self._reserve_bytes = reserve_bytes

    def check(self) -> None:
        """A folder that is missing is made for the first upload, so its parent must allow that; and on its disk the reserve must be free."""
        there = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise BlobStoreAway(
                f"Uploads cannot be written to {self.folder}; give the service's user the right to, or set TRACKER_BLOB_URL."
            )
        self._check_room(there)

    def new(self) -> "NewFile":
        """An empty file, mode 0600, in a folder that is made if it is missing. BlobStoreAway if there is no room beside the reserve."""
        with away_if_refused(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_room(self.folder)
            return NewFile(self.folder / str(uuid4()), self._check_room)

    def _check_room(self, folder: Path, size: int = 0) -> None:
        """The journal or the database may be on the same disk, and dies of a full one; uploads can wait."""
        if not self._reserve_bytes:
            return
        found = os.statvfs(folder)
        if found.f_frsize * found.f_bavail - size < self._reserve_bytes:
            raise BlobStoreAway(
                f"Less than {self._reserve_bytes // 1024**2} MiB are free where uploads are stored; make room, or lower TRACKER_UPLOADS_RESERVE_BYTES."
            )

    def open(self, url: str) -> IO[bytes]:
        """The file. FileNotFoundError if it is gone."""
        return _path(url).open("rb")

    def delete(self, url: str) -> None:
        """Takes it off the disk."""
        with away_if_refused(self.folder):
            _path(url).unlink(missing_ok=True)

    def stored(self) -> Iterator[Stored]:
        """Those with a name that `new` gives; half-written ones change with every part."""
        for path in self.folder.glob("*") if self.folder.is_dir() else ():
            if is_ours(path.name):
                try:
                    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                except FileNotFoundError:
                    continue
                yield Stored(path.as_uri(), changed_at)

    def abort_unfinished(self, before: datetime) -> int:  # noqa: ARG002 - a bucket needs it
        """Does nothing: `stored` lists unfinished files too."""
        return 0


class NewFile:
    """An upload on its way to the disk."""

    part_bytes = PART_BYTES

    def __init__(self, path: Path, check_room: Callable[[Path, int], None]) -> None:
        self._path = path
        self._check_room = check_room
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    @property
    def url(self) -> str:
        """Where the worker finds it."""
        return self._path.as_uri()

    def write(self, data: bytes | bytearray) -> None:
        """Appends. BlobStoreAway if the reserve would be touched, or the disk refuses."""
        with away_if_refused(self._path.parent):
            self._check_room(self._path.parent, len(data))
            self._file.write(data)

    def finish(self, rest: bytes | bytearray) -> None:
        """The file's content and its name are flushed to the disk."""
        self.write(rest)
        with away_if_refused(self._path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            sync(self._path.parent)

    def discard(self) -> None:
        """Takes it off the disk."""
        # On a full disk, closing fails too: the bytes still in memory do not fit.
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


@contextmanager
def away_if_refused(folder: Path) -> Iterator[None]:
    """A disk that is full or gone is a store that is away. One that is read-only, or another user's, stays so until somebody mends that."""
    try:
        yield
    except OSError as error:
        if error.errno in _REFUSALS:
            raise BlobStoreError(f"Nothing may be written to {folder}: {error.strerror}; give the service's user the right to.") from error
        raise BlobStoreAway(f"Nothing can be written to {folder}: {error.strerror}; make room there or mend the disk.") from error


def sync(folder: Path) -> None:
    """The names in it are flushed to the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("TRACKER_BLOB_URL must be file:// and an absolute folder, or s3:// and a bucket.")
    return Path(unquote(parts.path))
