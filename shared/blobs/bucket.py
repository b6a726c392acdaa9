"""Uploads in a bucket of S3 or of what speaks like it (MinIO, Ceph, Garage): ingest and workers need no disk in common."""

import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit
from uuid import uuid4

from shared.blobs.bucket_client import client, in_our_words
from shared.blobs.bucket_reader import WINDOW_BYTES, RangeReader
from shared.blobs.bucket_writer import NewObject
from shared.blobs.names import is_ours
from shared.blobs.store import Stored

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
