"""Both stores of uploads, on a real disk and a server that speaks S3."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.blobs import bucket_client
from shared.blobs.store import BlobStore
from shared.blobs.stores import store_at
from tests.faults.devices.proxy import Proxy
from tests.s3_server import BUCKET, s3_environment, s3_server

Use = Callable[..., Any]
# A real server's pages have a thousand.
PAGE_KEYS = 5


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    with s3_server(MOTO_S3_DEFAULT_MAX_KEYS=str(PAGE_KEYS)) as port:
        yield port


@pytest.fixture(scope="session")
def client_of() -> dict[str, str | None]:
    """The settings of this process' client. To make one takes half a second and several megabytes, so it stays until a test needs another."""
    return {}


@pytest.fixture
def use_s3(monkeypatch: pytest.MonkeyPatch, client_of: dict[str, str | None]) -> Use:
    """From now on this process' client is one of that port. A variable that is None is not set."""

    def use(port: int, **changes: str | None) -> Any:
        environment: dict[str, str | None] = s3_environment(port) | changes
        for name, value in environment.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        if environment != client_of:
            bucket_client.client.cache_clear()
            client_of.clear()
            client_of.update(environment)
        return bucket_client.client()

    return use


@pytest.fixture
def s3(use_s3: Use, s3_port: int) -> Iterator[Any]:
    """The library's own client, and an empty bucket."""
    client = use_s3(s3_port)
    client.create_bucket(Bucket=BUCKET)
    yield client
    for upload in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
        client.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for item in page.get("Contents", ()):
            client.delete_object(Bucket=BUCKET, Key=item["Key"])


@pytest.fixture
def wire(s3: Any, s3_port: int, use_s3: Use) -> Iterator[Proxy]:
    """Between this process and the server."""
    proxy = Proxy(s3_port)
    proxy.start()
    use_s3(proxy.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def bucket(s3: Any) -> BlobStore:
    return store_at(f"s3://{BUCKET}/uploads")


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "bucket":
        found: BlobStore = request.getfixturevalue("bucket")
        return found
    return store_at((tmp_path / "up loads").as_uri())


def stored(store: BlobStore, content: bytes) -> str:
    """As ingest does it: in parts of the size that the store wants. Its URL."""
    blob = store.new()
    while len(content) >= blob.part_bytes:
        blob.write(content[: blob.part_bytes])
        content = content[blob.part_bytes :]
    blob.finish(content)
    return blob.url
