"""Contents in a bucket of S3 or of what speaks like it."""

from collections.abc import Iterator

from shared.blobs.bucket import place_of
from shared.blobs.bucket_client import client, in_our_words
from shared.blobs.contents import StoredContent, name_of, path_of


class ContentBucket:
    """The bucket and prefix of `s3://bucket/prefix`; ValueError for another kind."""

    def __init__(self, url: str) -> None:
        self._bucket, self._prefix = place_of(url)

    def put(self, name: str, data: bytes) -> None:
        """Puts it again if it is there: that costs no more than to ask, and makes its time now."""
        with in_our_words(self._bucket):
            client().put_object(Bucket=self._bucket, Key=self._key(name), Body=data)

    def has(self, name: str) -> bool:
        """Whether it is there."""
        try:
            with in_our_words(self._bucket):
                client().head_object(Bucket=self._bucket, Key=self._key(name))
        except FileNotFoundError:
            return False
        return True

    def get(self, name: str) -> bytes:
        """All of it. FileNotFoundError if it is gone."""
        with in_our_words(self._bucket), client().get_object(Bucket=self._bucket, Key=self._key(name))["Body"] as body:
            data: bytes = body.read()
        return data

    def delete(self, name: str) -> None:
        """In a bucket with versions the content stays as an old one."""
        with in_our_words(self._bucket):
            client().delete_object(Bucket=self._bucket, Key=self._key(name))

    def stored(self) -> Iterator[StoredContent]:
        """All contents below the prefix."""
        with in_our_words(self._bucket):
            for page in client().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix):
                for item in page.get("Contents", ()):
                    if (name := name_of(item["Key"].removeprefix(self._prefix))) is not None:
                        yield StoredContent(name, item["LastModified"], item["Size"])

    def _key(self, name: str) -> str:
        return self._prefix + path_of(name)
