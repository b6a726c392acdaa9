"""The entry point to uploads and to the archive: the store that a URL names. The library for buckets is loaded only when one is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from urllib.parse import urlsplit

from shared.blobs.content_folder import ContentFolder
from shared.blobs.contents import ContentStore
from shared.blobs.folder import FolderStore
from shared.blobs.store import BlobStore

NOT_INSTALLED = "TRACKER_BLOB_URL is s3://, and botocore is not installed: install the extra `s3` (pip install 'claude-code-tracker[s3]')."


def store_at(url: str, *, reserve_bytes: int = 0) -> BlobStore:
    """The store of a `file://` or `s3://` URL; sends it no request. ValueError if the URL is neither, or the extra is missing.

    A folder stores nothing while less than `reserve_bytes` are free on its disk.
    """
    if urlsplit(url).scheme != "s3":
        return FolderStore(url, reserve_bytes)
    with _said_if_not_installed():
        from shared.blobs.bucket import BucketStore  # noqa: PLC0415 - 39 MB of memory that a folder does not need
    return BucketStore(url)


def archive_at(url: str) -> ContentStore:
    """The archive of a `file://` or `s3://` URL; sends it no request. ValueError if the URL is neither, or the extra is missing."""
    try:
        if urlsplit(url).scheme != "s3":
            return ContentFolder(url)
        with _said_if_not_installed():
            from shared.blobs.content_bucket import ContentBucket  # noqa: PLC0415 - as above
        return ContentBucket(url)
    except ValueError as error:
        raise ValueError(str(error).replace("TRACKER_BLOB_URL", "TRACKER_ARCHIVE_URL")) from None


def exports_url(archive_url: str) -> str:
    """Where exports of everything lie: beside the archive's contents. The worker writes there and the query service reads there; no other place is seen by
    both. Names of exports are UUIDs, which no content has, so neither store sees what is the other's.
    """
    return f"{archive_url.rstrip('/')}/exports"


@contextmanager
def _said_if_not_installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "botocore":
            raise
        raise ValueError(NOT_INSTALLED) from None


def open_blob(url: str) -> IO[bytes]:
    """A blob's content, seekable. FileNotFoundError if it is gone, BlobStoreError if its store is."""
    return _store_of(url).open(url)


def delete_blob(url: str) -> None:
    """Deletes a blob that may be gone already. BlobStoreError if its store is away."""
    _store_of(url).delete(url)


def _store_of(url: str) -> BlobStore:
    return store_at(url.rpartition("/")[0])
