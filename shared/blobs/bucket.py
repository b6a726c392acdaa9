"""Uploads in a bucket of S3 or of what speaks like it (MinIO, Ceph, Garage): ingest and workers need no disk in common."""

import io
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit
from uuid import uuid4

from shared.blobs.bucket_client import client, in_our_words
from shared.blobs.names import is_ours
from shared.blobs.store import BlobStoreAway, BlobStoreError, Stored

# S3 wants at least 5 MiB, and at most 10,000 parts: 80 GB.
PART_BYTES = 8 * 1024**2


class NewObject:
    """An upload on its way: part by part, so that no more than one is in memory; a small one at once. Invisible before `finish`."""

    part_bytes = PART_BYTES

    def __init__(self, bucket: str, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._at = {"Bucket": bucket, "Key": key}
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._size = 0

    @property
    def url(self) -> str:
        """Where the worker finds it."""
        return f"s3://{self._bucket}/{self._key}"

    def write(self, data: bytes | bytearray) -> None:
        """Sends a part."""
        with in_our_words(self._bucket):
            if self._upload_id is None:
                self._upload_id = client().create_multipart_upload(**self._at)["UploadId"]
            number = len(self._parts) + 1
            answer = client().upload_part(**self._at, UploadId=self._upload_id, PartNumber=number, Body=data)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._size += len(data)

    def finish(self, rest: bytes | bytearray) -> None:
        """Sends the last bytes and makes one object of all parts. BlobStoreError if it is not as long as what was sent."""
        if self._upload_id is None:
            with in_our_words(self._bucket):
                client().put_object(**self._at, Body=rest)
            self._size += len(rest)
        else:
            if rest:
                self.write(rest)
            self._complete()
        with in_our_words(self._bucket):
            stored = client().head_object(**self._at)["ContentLength"]
        if stored != self._size:
            raise BlobStoreError(f"The bucket {self._bucket} has {stored} of {self._size} bytes of an upload; send it again.")

    def discard(self) -> None:
        """Ends the upload of parts, which cost money even while invisible, and deletes the object."""
        try:
            # There is no such upload if it was completed.
            with suppress(FileNotFoundError), in_our_words(self._bucket):
                if self._upload_id is not None:
                    client().abort_multipart_upload(**self._at, UploadId=self._upload_id)
        finally:
            with in_our_words(self._bucket):
                client().delete_object(**self._at)

    def _complete(self) -> None:
        # If the answer to the first try was lost, a second try gets "no such upload". Then the object's length decides.
        with suppress(FileNotFoundError), in_our_words(self._bucket):
            parts = {"Parts": self._parts}
            client().complete_multipart_upload(**self._at, UploadId=self._upload_id, MultipartUpload=parts)


# After a jump; and at most, which is also what a reader holds in memory.
FIRST_BYTES = 256 * 1024
WINDOW_BYTES = 4 * 1024**2
# A connection may break in the middle of an answer, which the library does not try again.
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5


class RangeReader(io.RawIOBase):
    """The raw side of a BufferedReader, to seek in: a zip has its list at its end. A long sequential read uses larger and larger ranges.

    FileNotFoundError if there is no object; later, BlobStoreError, also if it has gone meanwhile."""

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


_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX: Final = re.compile(r"(/[\w.-]+)*/?", re.ASCII)


def place_of(url: str) -> tuple[str, str]:
    """The bucket and the prefix of `s3://bucket/prefix`, which ends with a slash or is empty; ValueError for another kind."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or not _PREFIX.fullmatch(parts.path) or parts.query or parts.fragment:
        # The URL is not repeated: it may contain credentials.
        raise ValueError("TRACKER_BLOB_URL must be s3:// with a bucket and perhaps a prefix of letters, digits and . _ - /.")
    prefix = parts.path.strip("/")
    return parts.netloc, f"{prefix}/" if prefix else ""


class BucketStore:
    """The bucket and prefix of `s3://bucket/prefix`; ValueError for another kind."""

    def __init__(self, url: str) -> None:
        self._bucket, self._prefix = place_of(url)

    def check(self) -> None:
        """Asks for a list, which the sweep needs too. Its answer gives the error's reason; a HEAD's answer has no body."""
        with in_our_words(self._bucket):
            client().list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    def new(self) -> NewObject:
        """Nothing is sent before the first part."""
        return NewObject(self._bucket, f"{self._prefix}{uuid4()}")

    def open(self, url: str) -> IO[bytes]:
        """Reads ranges as they are asked for. FileNotFoundError if it is gone."""
        return cast(IO[bytes], io.BufferedReader(RangeReader(self._bucket, self._key(url)), WINDOW_BYTES))

    def delete(self, url: str) -> None:
        """In a bucket with versions the content stays as an old one."""
        with in_our_words(self._bucket):
            client().delete_object(Bucket=self._bucket, Key=self._key(url))

    def stored(self) -> Iterator[Stored]:
        """Those with a name that `new` gives, directly under the prefix."""
        for item in self._listed("list_objects_v2", "Contents"):
            if self._is_ours(item["Key"]):
                yield Stored(f"s3://{self._bucket}/{item['Key']}", item["LastModified"])

    def abort_unfinished(self, before: datetime) -> int:
        """An upload that is still being sent got its last part lately, even if it began long ago."""
        aborted = 0
        for item in self._listed("list_multipart_uploads", "Uploads"):
            if not self._is_ours(item["Key"]) or item["Initiated"] >= before:
                continue
            upload = {"Bucket": self._bucket, "Key": item["Key"], "UploadId": item["UploadId"]}
            with in_our_words(self._bucket):
                pages = client().get_paginator("list_parts").paginate(**upload)
                if all(part["LastModified"] < before for page in pages for part in page.get("Parts", ())):
                    client().abort_multipart_upload(**upload)
                    aborted += 1
        return aborted

    def _key(self, url: str) -> str:
        parts = urlsplit(url)
        assert parts.netloc == self._bucket
        return parts.path.removeprefix("/")

    def _is_ours(self, key: str) -> bool:
        return is_ours(key.removeprefix(self._prefix))

    def _listed(self, operation: str, items: str) -> Iterator[dict[str, Any]]:
        with in_our_words(self._bucket):
            for page in client().get_paginator(operation).paginate(Bucket=self._bucket, Prefix=self._prefix):
                yield from page.get(items, ())
