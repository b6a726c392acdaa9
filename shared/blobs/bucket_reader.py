"""An object as a file to seek in: a zip has its list at its end. A long sequential read uses larger and larger ranges."""

import io
import time
from typing import Any

from shared.blobs.bucket_client import client, in_our_words
from shared.blobs.store import BlobStoreAway, BlobStoreError

# After a jump; and at most, which is also what a reader holds in memory.
FIRST_BYTES = 256 * 1024
WINDOW_BYTES = 4 * 1024**2
# A connection may break in the middle of an answer, which the library does not try again.
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5


class RangeReader(io.RawIOBase):
    """The raw side of a BufferedReader. FileNotFoundError if there is no object; later, BlobStoreError, also if it has gone meanwhile."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__()
        self._bucket = bucket
        self._key = key
        with in_our_words(bucket):
            self._size = int(client().head_object(Bucket=bucket, Key=key)["ContentLength"])
        self._place = 0
        self._window = FIRST_BYTES
        self._next = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        """How far from the beginning."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Asks the bucket nothing."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        """At most one range; fewer bytes than were asked for are no end."""
        self._window = min(self._window * 2, WINDOW_BYTES) if self._place == self._next else FIRST_BYTES
        data = self._range(min(len(buffer), self._window))
        buffer[: len(data)] = data
        self._next = self._place
        return len(data)

    def readall(self) -> bytes:
        """All that is left, as one range: RawIOBase's own would ask for 8 KiB at a time."""
        return self._range(self._size - self._place)

    def _range(self, size: int) -> bytes:
        size = min(size, self._size - self._place)
        if size <= 0:
            return b""
        data = self._asked(size)
        self._place += len(data)
        return data

    def _asked(self, size: int) -> bytes:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(size)
            except BlobStoreAway:
                if attempt == ATTEMPTS:
                    raise
            time.sleep(pause)
            pause *= 2
        raise AssertionError

    def _once(self, size: int) -> bytes:
        last = self._place + size - 1
        try:
            with in_our_words(self._bucket):
                answer = client().get_object(Bucket=self._bucket, Key=self._key, Range=f"bytes={self._place}-{last}")
                with answer["Body"] as body:
                    data: bytes = body.read()
        except FileNotFoundError as error:
            raise BlobStoreError("The upload has gone while it was read; send the file again.") from error
        if len(data) != size:
            raise BlobStoreAway(f"The bucket {self._bucket} gave {len(data)} of {size} bytes; wait for it.")
        return data
