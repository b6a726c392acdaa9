"""The operations of every store of uploads. All of them block; call them from a thread."""

from collections.abc import Iterator
from datetime import datetime
from typing import IO, NamedTuple, Protocol


class BlobStoreError(Exception):
    """The store refuses; the message says what to do.

    No OSError: the readers of archives take those for damage of the file, and would end a job that only has to wait.
    """


class BlobStoreAway(BlobStoreError):
    """It does not answer, or is in trouble of its own. Later it may work."""


class BlobUnreadable(BlobStoreError):
    """This one cannot be read, whatever may be true of the others."""


class Stored(NamedTuple):
    """A blob that lies in a store."""

    url: str
    changed_at: datetime


class NewBlob(Protocol):
    """A blob that is being written. The caller must call `finish` or `discard`."""

    @property
    def url(self) -> str:
        """The blob's future URL. We make its name; no input of the client is in it."""
        ...

    @property
    def part_bytes(self) -> int:
        """The least number of bytes to write at once; only the last write may be shorter."""
        ...

    def write(self, data: bytes | bytearray) -> None:
        """The next part."""
        ...

    def finish(self, rest: bytes | bytearray) -> None:
        """The last bytes, if any. When this returns, the blob is durable and complete."""
        ...

    def discard(self) -> None:
        """Leaves nothing of it, whether it was finished or not."""
        ...


class BlobStore(Protocol):
    """A folder or a bucket."""

    def check(self) -> None:
        """BlobStoreError if it cannot be used."""
        ...

    def new(self) -> NewBlob:
        """An empty blob under a name of its own."""
        ...

    def open(self, url: str) -> IO[bytes]:
        """A blob's content, seekable. FileNotFoundError if it is gone."""
        ...

    def delete(self, url: str) -> None:
        """Does nothing if the blob is gone already."""
        ...

    def stored(self) -> Iterator[Stored]:
        """All blobs that were put here by us, unfinished ones too if they can be seen."""
        ...

    def abort_unfinished(self, before: datetime) -> int:
        """Ends what was begun, is not among `stored`, and got no part since `before`. Gives their number."""
        ...
