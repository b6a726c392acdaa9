"""A folder and a bucket behave alike: a finished blob is complete, an unfinished one leaves nothing."""

import io
import random
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from shared.blobs.store import BlobStore
from shared.blobs.stores import delete_blob, open_blob, store_at
from tests.integration.blobs.conftest import stored

SIZES = [0, 1, 300_000, 8 * 1024**2, 20 * 1024**2 + 7]


def test_an_empty_store_is_usable(store: BlobStore) -> None:
    store.check()
    assert list(store.stored()) == []


@pytest.mark.parametrize("size", SIZES)
def test_a_blob_round_trips_and_can_be_deleted(store: BlobStore, size: int) -> None:
    content = random.Random(size).randbytes(size)
    url = stored(store, content)

    with open_blob(url) as file:
        assert file.read() == content
        assert file.read() == b""
    [blob] = store.stored()
    assert blob.url == url
    assert abs(datetime.now(UTC) - blob.changed_at) < timedelta(minutes=1)

    delete_blob(url)
    assert list(store.stored()) == []
    with pytest.raises(FileNotFoundError):
        open_blob(url)


def test_any_range_can_be_read_in_any_order(store: BlobStore) -> None:
    content = random.Random(1).randbytes(10_000_000)
    jumps = random.Random(2)
    with open_blob(stored(store, content)) as file:
        for _ in range(200):
            place, size = jumps.randrange(len(content) + 100), jumps.choice((1, 30, 4_096, 70_000, 300_000))
            assert file.seek(place) == place
            assert file.read(size) == content[place : place + size]
            assert file.tell() == max(place, min(place + size, len(content)))
        assert file.seek(-5, io.SEEK_END) == len(content) - 5
        assert file.read() == content[-5:]


def test_a_zip_is_readable_by_seeking_to_its_directory(store: BlobStore) -> None:
    packed = io.BytesIO()
    members = {f"{n}.bin": random.Random(n).randbytes(40_000) for n in range(300)}
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    with open_blob(stored(store, packed.getvalue())) as file, zipfile.ZipFile(file) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_discarded_upload_leaves_nothing(store: BlobStore, parts: int) -> None:
    blob = store.new()
    for _ in range(parts):
        blob.write(bytes(blob.part_bytes))
    blob.discard()
    assert list(store.stored()) == []
    assert store.abort_unfinished(datetime.now(UTC) + timedelta(days=1)) == 0


def test_discarding_is_idempotent_even_after_finishing(store: BlobStore) -> None:
    blob = store.new()
    blob.write(bytes(blob.part_bytes))
    blob.finish(b"end")
    blob.discard()
    blob.discard()
    assert list(store.stored()) == []


def test_a_deleted_blob_can_be_deleted_again_but_not_opened(store: BlobStore) -> None:
    url = stored(store, b"x")
    delete_blob(url)
    delete_blob(url)
    with pytest.raises(FileNotFoundError):
        open_blob(url)


@pytest.mark.parametrize(
    "wrong",
    [
        "s3://",
        "s3://B_ucket",
        "s3://bucket/a b",
        "s3://bucket/x?y=1",
        "s3://key:secret@bucket",
        "file://host/x",
        "/var/lib",
        "file:relative",
        "gs://bucket",
    ],
)
def test_an_invalid_store_url_is_refused_with_a_sentence(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"TRACKER_BLOB_URL must be .*\.$") as refused:
        store_at(wrong)
    assert "secret" not in str(refused.value)
