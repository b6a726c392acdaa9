"""Contents in a folder: readable by this user only. Worker and query must see the same disk."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from shared.blobs.contents import StoredContent, name_of, path_of
from shared.blobs.folder import FolderStore, away_if_refused, sync
from shared.blobs.store import BlobStoreAway, BlobUnreadable

_UNFINISHED = ".unfinished-"


class ContentFolder:
    """The folder of a `file://` URL; ValueError for another kind."""

    def __init__(self, url: str) -> None:
        self.folder = FolderStore(url).folder

    def put(self, name: str, data: bytes) -> None:
        """A file gets its name when all of it is on the disk. A damaged content that is there already is written again."""
        path = self._path(name)
        with away_if_refused(self.folder):
            if self._is_as(path, data):
                os.utime(path)
                return
            is_new_folder = not path.parent.is_dir()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished = path.parent / f"{_UNFINISHED}{uuid4()}"
            try:
                with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.rename(path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
            sync(path.parent)
            if is_new_folder:
                sync(self.folder)

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return self._path(name).exists()

    def get(self, name: str) -> bytes:
        """All of it. FileNotFoundError if it is gone."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            # A bad block of the disk says nothing of the other files.
            if error.errno == errno.EIO:
                raise BlobUnreadable(f"The content {name} cannot be read: {error.strerror}.") from error
            raise BlobStoreAway(
                f"The archive cannot be read in {self.folder}: {error.strerror}; give the service's user the right to, or mend the disk."
            ) from error

    def delete(self, name: str) -> None:
        """Takes it off the disk."""
        with away_if_refused(self.folder):
            self._path(name).unlink(missing_ok=True)

    def stored(self) -> Iterator[StoredContent]:
        """All contents. Files that a crash left unfinished a day ago are deleted on the way."""
        for folder in sorted(self.folder.glob("??")) if self.folder.is_dir() else ():
            for path in folder.iterdir():
                with suppress(FileNotFoundError):
                    found = path.stat()
                    put_at = datetime.fromtimestamp(found.st_mtime, UTC)
                    if (name := name_of(f"{folder.name}/{path.name}")) is not None:
                        yield StoredContent(name, put_at, found.st_size)
                    elif path.name.startswith(_UNFINISHED) and (datetime.now(UTC) - put_at).days >= 1:
                        path.unlink()

    def _path(self, name: str) -> Path:
        return self.folder / path_of(name)

    @staticmethod
    def _is_as(path: Path, data: bytes) -> bool:
        try:
            return path.read_bytes() == data
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
