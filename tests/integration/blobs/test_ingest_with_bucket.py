"""Ingest with a bucket: what it answers, what stops its start, and that events do not need the bucket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.blobs.store import BlobStore, BlobStoreError
from tests.conftest import LOCAL
from tests.integration.blobs.conftest import Use
from tests.integration.ingest.conftest import CLAUDE_JSON, IMPORT, is_error
from tests.s3_server import BUCKET

Start = Callable[..., Any]
NOT_ASKED = {"prefer": "respond-async"}
SESSION = {"session_id": "s-1", "project_path": "/p"}


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url, blob_url=f"s3://{BUCKET}/uploads", max_upload_bytes=30_000_000)


@contextmanager
def ingest(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), LOCAL, raise_server_exceptions=False) as http:
        yield http


def upload(http: TestClient, *contents: bytes) -> Any:
    return http.post(IMPORT, files=[("file", ("claude.json", content)) for content in contents], headers=NOT_ASKED)


def unfinished(s3: Any) -> list[Any]:
    found: list[Any] = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return found


def test_a_job_is_accepted_once_its_files_are_complete_in_the_bucket(bucket: BlobStore, settings: Settings) -> None:
    large = b'{"projects": {"/p": {}}, "x": "' + b"y" * 20_000_000 + b'"}'
    with ingest(settings) as http:
        assert upload(http, CLAUDE_JSON, large).status_code == 202
    contents = set()
    for blob in bucket.stored():
        with bucket.open(blob.url) as file:
            contents.add(file.read())
    assert contents == {CLAUDE_JSON, large}


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (lambda: [CLAUDE_JSON, b"x" * 20_000_000], "UNKNOWN_PROJECT_FILE"),
        (lambda: [CLAUDE_JSON, b"y" * 29_999_990], "PAYLOAD_TOO_LARGE"),
        (lambda: [CLAUDE_JSON, b'{"x": "' + b"z" * 9_000_000 + b'", "claudeAiOauth": {"accessToken": "sk-ant-canary"}}'], "INVALID_FILE"),
    ],
    ids=["unknown", "too large", "credentials"],
)
def test_a_refused_upload_leaves_neither_objects_nor_parts(
    s3: Any, bucket: BlobStore, settings: Settings, contents: Callable[[], list[bytes]], code: str
) -> None:
    with ingest(settings) as http:
        assert upload(http, *contents()).json()["code"] == code
    assert list(bucket.stored()) == unfinished(s3) == []


def test_an_unreachable_bucket_refuses_uploads_with_503_and_nothing_else(bucket: BlobStore, settings: Settings, use_s3: Use) -> None:
    with ingest(settings) as http:
        use_s3(1)
        answer = upload(http, CLAUDE_JSON)
        is_error(answer, 503, "UPLOADS_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0
        assert BUCKET not in answer.text
        assert http.post("/api/sessions/start", json=SESSION).status_code == 201


def test_ingest_starts_without_its_bucket_and_reports_it(settings: Settings, use_s3: Use) -> None:
    use_s3(1)
    with ingest(settings) as http:
        ready = http.get("/readyz")
        assert ready.status_code == 200
        assert f"The bucket {BUCKET} does not answer" in ready.json()["checks"]["uploads"]
        assert "tracker_uploads_available 0.0" in http.get("/metrics").text


@pytest.mark.parametrize("url", ["s3://nobodys-bucket", "s3://"])
def test_an_invalid_bucket_url_stops_the_start_with_a_sentence(s3: Any, settings: Settings, url: str) -> None:
    wrong = settings.model_copy(update={"blob_url": url})
    with pytest.raises((BlobStoreError, ValueError), match=r"TRACKER_BLOB_URL.*\.$"), ingest(wrong):
        pytest.fail("it must not start")
