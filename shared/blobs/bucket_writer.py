"""An upload on its way into a bucket: part by part, so that no more than one is in memory; a small one at once."""

from contextlib import suppress
from typing import Any

from shared.blobs.bucket_client import client, in_our_words
from shared.blobs.store import BlobStoreError

# S3 wants at least 5 MiB, and at most 10,000 parts: 80 GB.
PART_BYTES = 8 * 1024**2


class NewObject:
    """The object is invisible before `finish`."""

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
