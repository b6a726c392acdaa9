"""A bucket that is down, refuses, or drops connections: one sentence, bounded time, no orphan part, no corrupt content."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from shared.blobs.store import BlobStore, BlobStoreAway, BlobStoreError
from shared.blobs.stores import open_blob, store_at
from tests.faults.devices.proxy import Proxy
from tests.faults.devices.wire import Trap
from tests.integration.blobs.conftest import PAGE_KEYS, Use, stored
from tests.s3_server import BUCKET, s3_server

PART = 8 * 1024**2
# Three tries of three seconds, with pauses.
BOUND_SECONDS = 30


def test_a_connection_lost_during_a_part_is_retried(bucket: BlobStore, wire: Proxy) -> None:
    content = random.Random(1).randbytes(2 * PART + 5)
    trap = wire.trap(b"partNumber=2")
    release = cut_when_caught(wire, trap)
    url = stored(bucket, content)
    release()
    with open_blob(url) as file:
        assert file.read() == content


def test_a_lost_answer_to_the_completion_does_not_lose_the_upload(bucket: BlobStore, wire: Proxy) -> None:
    """The first try has completed it, the second hears that there is no such upload."""
    content = random.Random(1).randbytes(PART + 5)
    trap = wire.trap(b"<CompleteMultipartUpload", on_answer=True)
    release = cut_when_caught(wire, trap)
    url = stored(bucket, content)
    release()
    with open_blob(url) as file:
        assert file.read() == content


def test_a_connection_lost_during_a_range_read_is_retried(bucket: BlobStore, wire: Proxy) -> None:
    content = random.Random(1).randbytes(6_000_000)
    url = stored(bucket, content)
    with open_blob(url) as file:
        assert file.read(100) == content[:100]
        wire.reset()
        trap = wire.trap(b"GET /", on_answer=True)
        release = cut_when_caught(wire, trap)
        assert file.read() == content[100:]
        release()


def test_an_unreachable_bucket_is_reported_in_bounded_time(bucket: BlobStore, use_s3: Use) -> None:
    url = stored(bucket, b"x" * 100)
    use_s3(1)
    began = time.monotonic()
    for act in (
        bucket.check,
        lambda: stored(bucket, b"x"),
        lambda: open_blob(url),
        lambda: bucket.delete(url),
        lambda: list(bucket.stored()),
    ):
        with pytest.raises(BlobStoreAway, match=rf"The bucket {BUCKET} does not answer .*; check AWS_ENDPOINT_URL"):
            act()
    assert time.monotonic() - began < BOUND_SECONDS


def test_an_outage_during_a_read_is_not_reported_as_a_damaged_file(bucket: BlobStore, wire: Proxy, use_s3: Use) -> None:
    with open_blob(stored(bucket, bytes(6_000_000))) as file:
        file.read(10)
        use_s3(1)
        with pytest.raises(BlobStoreAway) as away:
            file.read()
    assert not isinstance(away.value, OSError)


def test_an_object_deleted_during_a_read_is_reported_as_gone(bucket: BlobStore, s3: Any) -> None:
    url = stored(bucket, bytes(6_000_000))
    with open_blob(url) as file:
        file.read(10)
        bucket.delete(url)
        with pytest.raises(BlobStoreError, match="gone while it was read"):
            file.read()


def test_a_missing_bucket_is_reported_by_name(s3: Any) -> None:
    with pytest.raises(BlobStoreError, match=r"There is no bucket nobodys; make it, or name another in TRACKER_BLOB_URL\.") as refused:
        store_at("s3://nobodys/x").check()
    assert not isinstance(refused.value, BlobStoreAway)


def test_wrong_credentials_are_reported_and_are_not_an_outage(use_s3: Use) -> None:
    # Given a server that asks who is there, once there is a bucket
    with s3_server(INITIAL_NO_AUTH_ACTION_COUNT="1") as port:
        use_s3(port).create_bucket(Bucket=BUCKET)
        store = store_at(f"s3://{BUCKET}")
        for act in (store.check, lambda: stored(store, b"x"), lambda: stored(store, bytes(PART))):
            with pytest.raises(BlobStoreError, match=rf"The bucket {BUCKET} refuses \(\w+\); check the credentials") as refused:
                act()
            assert not isinstance(refused.value, BlobStoreAway)
            assert "tracker-secret" not in str(refused.value)


def test_missing_credentials_are_reported(use_s3: Use, s3_port: int) -> None:
    use_s3(s3_port, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    with pytest.raises(BlobStoreError, match="Unable to locate credentials"):
        store_at(f"s3://{BUCKET}").check()


def test_only_our_own_abandoned_parts_are_aborted(bucket: BlobStore, s3: Any) -> None:
    # Given an upload left by a crash, and a foreign one
    bucket.new().write(bytes(PART))
    s3.create_multipart_upload(Bucket=BUCKET, Key="uploads/backup.tar")
    now = datetime.now(UTC)

    assert list(bucket.stored()) == []
    assert bucket.abort_unfinished(now - timedelta(days=1)) == 0
    assert bucket.abort_unfinished(now + timedelta(minutes=1)) == 1
    assert [upload["Key"] for upload in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["uploads/backup.tar"]


def test_foreign_objects_under_the_prefix_are_ignored(bucket: BlobStore, s3: Any) -> None:
    for key in ("uploads/notes.txt", "uploads/deep/6f0c2a52-5c0f-4a4e-9d3e-0c7f3f7b3f10", "6f0c2a52-5c0f-4a4e-9d3e-0c7f3f7b3f10"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    url = stored(bucket, b"ours")
    assert [blob.url for blob in bucket.stored()] == [url]


def test_listing_follows_all_pages(bucket: BlobStore) -> None:
    urls = {stored(bucket, b"x") for _ in range(3 * PAGE_KEYS)}
    assert {blob.url for blob in bucket.stored()} == urls


def test_botocore_is_loaded_only_for_buckets_and_its_absence_names_the_package() -> None:
    script = """
import sys
from shared.blobs.stores import store_at
store_at("file:///tmp/x")
assert "botocore" not in sys.modules
sys.modules["botocore"] = None
try:
    store_at("s3://bucket")
except ValueError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip().endswith("install the extra `s3` (pip install 'claude-code-tracker[s3]').")


def cut_when_caught(wire: Proxy, trap: Trap) -> Callable[[], None]:
    """Cuts the connection as soon as the trap has it; what is given back waits until that was done."""

    def cut() -> None:
        trap.wait(20)
        wire.release(trap, cut=True)

    thread = Thread(target=cut)
    thread.start()
    return thread.join
