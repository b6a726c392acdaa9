"""The archive's store: contents that are named by their hash. All operations block; call them from a thread.

A name is the SHA-256, in hexadecimal, of what the content is when uncompressed. So the same content put twice is stored once, and a put may be
repeated after any failure. A row of the database must refer to it within a day, else it is garbage (services/worker/archive/retention.py).
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple, Protocol

_NAME: Final = re.compile(r"[0-9a-f]{64}")


class StoredContent(NamedTuple):
    """A content that lies in the store, and when it was put last."""

    name: str
    put_at: datetime
    size: int


class ContentStore(Protocol):
    """A folder or a bucket."""

    def put(self, name: str, data: bytes) -> None:
        """When this returns, the content is durable, and its time of putting is now, even if it was there before."""
        ...

    def has(self, name: str) -> bool:
        """Whether it is there."""
        ...

    def get(self, name: str) -> bytes:
        """All of it. FileNotFoundError if it is gone, BlobUnreadable if only this one cannot be read."""
        ...

    def delete(self, name: str) -> None:
        """Does nothing if it is gone already."""
        ...

    def stored(self) -> Iterator[StoredContent]:
        """All contents. Other files of the folder or bucket are left out."""
        ...


def path_of(name: str) -> str:
    """Where a content lies below its folder or prefix: 256 folders of equal size. ValueError for what is no name."""
    if not _NAME.fullmatch(name):
        raise ValueError("not the name of a content")
    return f"{name[:2]}/{name[2:]}"


def name_of(path: str) -> str | None:
    """The name of what lies at a path; None for what is not ours."""
    first, _, rest = path.partition("/")
    return first + rest if len(first) == 2 and _NAME.fullmatch(first + rest) else None
