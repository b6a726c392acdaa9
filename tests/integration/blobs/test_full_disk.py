"""Uploads onto a full disk are 503 and leave nothing. Other data on the disk keeps its reserve."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services.ingest.app import create_app
from services.ingest.settings import Settings
from tests.conftest import LOCAL
from tests.faults.devices.small_disk import SmallDisk, small_disk

MEGABYTE = 1024**2
FREE = 24 * MEGABYTE
TRANSCRIPT = b'{"type":"user","sessionId":"s","uuid":"u","timestamp":"2026-05-01T12:00:00Z","message":{"role":"user","content":"%s"}}\n'


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, FREE // MEGABYTE) as disk:
        yield disk


def client(disk: SmallDisk, database_url: str, redis_url: str, reserve_bytes: int) -> TestClient:
    settings = Settings(
        database_url=database_url, redis_url=redis_url, blob_url=(disk.folder / "blobs").as_uri(), uploads_reserve_bytes=reserve_bytes
    )
    return TestClient(create_app(settings), LOCAL, raise_server_exceptions=False)


def upload(http: TestClient, size: int) -> tuple[int, str | None]:
    lines = TRANSCRIPT % (b"x" * 100_000)
    content = lines * (size // len(lines))
    answer = http.post("/api/import/claude-data", files={"file": ("s.jsonl", content)}, headers={"Prefer": "respond-async"})
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize("reserve_bytes", [0, 8 * MEGABYTE])
def test_an_upload_without_room_is_refused_and_leaves_nothing(
    disk: SmallDisk, database_url: str, redis_url: str, reserve_bytes: int
) -> None:
    with client(disk, database_url, redis_url, reserve_bytes) as http:
        free = shutil.disk_usage(disk.folder).free
        for _ in range(3):
            assert upload(http, FREE + MEGABYTE) == (503, "UPLOADS_UNAVAILABLE")
            assert list((disk.folder / "blobs").iterdir()) == []
            assert shutil.disk_usage(disk.folder).free >= free - MEGABYTE
        # One that fits is taken
        assert upload(http, 4 * MEGABYTE)[0] == 202


def test_uploads_leave_the_reserve_free(disk: SmallDisk, database_url: str, redis_url: str) -> None:
    reserve = 8 * MEGABYTE
    with client(disk, database_url, redis_url, reserve) as http:
        # When uploads come until no more are taken
        answers = [upload(http, 4 * MEGABYTE) for _ in range(8)]
        assert answers[0][0] == 202
        assert answers[-1] == (503, "UPLOADS_UNAVAILABLE")
        # Then the journal can write as much as the reserve has,
        assert shutil.disk_usage(disk.folder).free > reserve - MEGABYTE


def test_a_completely_full_disk_is_a_503(disk: SmallDisk, database_url: str, redis_url: str) -> None:
    with client(disk, database_url, redis_url, 0) as http:
        assert upload(http, MEGABYTE)[0] == 202
        disk.fill()
        assert upload(http, MEGABYTE) == (503, "UPLOADS_UNAVAILABLE")
        disk.free()
        assert upload(http, MEGABYTE)[0] == 202
