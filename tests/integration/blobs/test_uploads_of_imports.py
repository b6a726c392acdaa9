"""The worker's side of the blob store: imports wait for a bucket that is down, and orphan uploads are swept."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.worker.importers.job import run_shard
from services.worker.maintenance import upload_gc
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from services.worker.sweep.scheduler import Looks
from shared.blobs.store import BlobStore, BlobStoreAway
from shared.jobs import IMPORT
from tests.integration.blobs.conftest import Use, stored
from tests.integration.worker.imports.import_jobs import add_job
from tests.integration.worker.statements import execute, select
from tests.s3_server import BUCKET
from tests.unit.worker.claude_json_sample import SESSION

CONTENT = json.dumps({"projects": {"/p": SESSION}}).encode()
A_DAY = timedelta(days=1, minutes=1)


@pytest.fixture
def worker(database_url: str, redis_url: str, store: BlobStore, tmp_path: Path) -> Iterator[Resources]:
    url = (tmp_path / "up loads").as_uri() if "Folder" in type(store).__name__ else f"s3://{BUCKET}/uploads"
    resources = open_resources(Settings(database_url=database_url, redis_url=redis_url, blob_url=url))
    yield resources
    resources.close()


def job_of(worker: Resources, url: str, content: bytes) -> UUID:
    return add_job(worker, {"name": "claude.json", "blob_url": url, "bytes": len(content), "kind": "claude_json"})


def urls(store: BlobStore) -> list[str]:
    return [blob.url for blob in store.stored()]


def a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_gc, "MIN_AGE", -timedelta(minutes=1))


def test_an_upload_is_deleted_when_its_job_has_ended(worker: Resources, store: BlobStore) -> None:
    job_id = job_of(worker, stored(store, CONTENT), CONTENT)
    run_shard.run(worker, job_id, 0)
    assert select(worker, "SELECT status, sessions_imported, has_files FROM import_jobs") == [("succeeded", 1, False)]
    assert urls(store) == []


def test_uploads_of_an_unfinished_job_are_never_swept(worker: Resources, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    url = stored(store, CONTENT)
    job_of(worker, url, CONTENT)
    a_day_later(monkeypatch)
    assert upload_gc.sweep(worker) == 0
    assert urls(store) == [url]


def test_uploads_without_a_job_are_swept_after_a_day(worker: Resources, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(store, CONTENT)
    half = store.new()
    half.write(bytes(half.part_bytes))
    assert upload_gc.sweep(worker) == 0
    a_day_later(monkeypatch)
    assert upload_gc.sweep(worker) == 2
    assert urls(store) == []
    assert store.abort_unfinished(datetime.now(UTC) + A_DAY) == 0
    half.discard()


def test_uploads_of_an_ended_job_are_swept_at_once(worker: Resources, store: BlobStore) -> None:
    # Given a job whose worker died between its end and the deletion
    job_of(worker, stored(store, CONTENT), CONTENT)
    execute(worker, "UPDATE import_jobs SET status = 'succeeded', has_files = false")
    assert upload_gc.sweep(worker) == 1
    assert urls(store) == []


def test_foreign_files_in_the_folder_are_not_swept(database_url: str, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    os.utime(tmp_path / "diary.txt", (0, 0))
    worker = open_resources(Settings(database_url=database_url, redis_url=redis_url, blob_url=tmp_path.as_uri()))
    assert upload_gc.sweep(worker) == 0
    worker.close()
    assert (tmp_path / "diary.txt").exists()


def test_a_worker_refuses_to_start_with_an_invalid_blob_url() -> None:
    command = [sys.executable, "-m", "celery", "-A", "services.worker.app", "worker", "-c", "1"]
    environment = os.environ | {"TRACKER_BLOB_URL": "s3://key:secret@bucket", "TRACKER_REDIS_URL": "redis://127.0.0.1:1/0"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=90)
    assert ended.returncode == 1
    assert "TRACKER_BLOB_URL must be s3:// with a bucket" in ended.stderr
    assert "secret" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("store", ["bucket"], indirect=True)
class TestABucketThatIsAway:
    def test_an_import_waits_for_its_bucket_without_counting_attempts(
        self, worker: Resources, store: BlobStore, use_s3: Use, s3_port: int
    ) -> None:
        job_id = job_of(worker, stored(store, CONTENT), CONTENT)
        use_s3(1)
        for _ in range(7):
            with pytest.raises(BlobStoreAway):
                run_shard.run(worker, job_id, 0)
            [(attempts, waits)] = select(worker, "SELECT attempts, lease_expires_at > now() FROM import_shares")
            assert (attempts, waits) == (0, True)
            execute(worker, "UPDATE import_shares SET lease_expires_at = now() - interval '1 second'")

        use_s3(s3_port)
        with closing(Looks(worker.settings)) as looks:
            assert looks.abandoned_jobs() == {IMPORT.task: [(str(job_id), 0)]}
        run_shard.run(worker, job_id, 0)
        assert select(worker, "SELECT status, sessions_imported, errors_total FROM import_jobs") == [("succeeded", 1, 0)]

    def test_an_upload_whose_deletion_failed_is_swept_later(self, worker: Resources, store: BlobStore, use_s3: Use, s3_port: int) -> None:
        url = stored(store, CONTENT)
        use_s3(1)
        run_shard.delete_files([{"blob_url": url}])
        use_s3(s3_port)
        assert urls(store) == [url]
        job_of(worker, url, CONTENT)
        execute(worker, "UPDATE import_jobs SET status = 'succeeded', has_files = false")
        assert upload_gc.sweep(worker) == 1
        assert urls(store) == []
