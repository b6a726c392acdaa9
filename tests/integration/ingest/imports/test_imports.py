"""Imports: a file is streamed in, detected by content, and becomes a job."""

import stat
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from services.ingest.settings import Settings
from shared.blobs.folder import FolderStore
from tests.integration.ingest.conftest import CLAUDE_JSON, IMPORT, Service, is_error

COUNTS = {
    "projects_imported": 0,
    "sessions_imported": 0,
    "sessions_updated": 0,
    "conversations_imported": 0,
    "activities_imported": 0,
    "tool_calls_imported": 0,
    "duplicates": 0,
    "skipped_records": {},
    "errors": [],
    "errors_total": 0,
}


def upload(service: Service, *contents: bytes, name: str = "claude.json", headers: dict[str, str] | None = None, **form: str) -> Any:
    files = [("file", (name, content)) for content in contents]
    return service.http.post(IMPORT, files=files, data=form, headers={"prefer": "respond-async"} | (headers or {}))


def blobs(service: Service) -> list[Path]:
    folder = FolderStore(service.settings.blob_url).folder
    return list(folder.iterdir()) if folder.exists() else []


def test_an_upload_without_waiting_returns_a_queued_job(service: Service) -> None:
    answer = upload(service, CLAUDE_JSON, user="ada")
    job_id = answer.json()["job_id"]
    assert answer.status_code == 202
    assert answer.json() == COUNTS | {"success": None, "status": "queued", "job_id": job_id}
    assert answer.headers["location"] == f"/api/import/jobs/{job_id}"
    assert answer.headers["preference-applied"] == "respond-async"
    [job] = service.select("SELECT id, status, files, user_name, bytes_total, request_id FROM import_jobs")
    [blob] = blobs(service)
    assert job["id"] == UUID(job_id)
    assert job["files"] == [{"name": "claude.json", "blob_url": blob.as_uri(), "bytes": len(CLAUDE_JSON), "kind": "claude_json"}]
    assert (job["user_name"], job["bytes_total"], job["request_id"]) == ("ada", len(CLAUDE_JSON), answer.headers["x-request-id"])
    assert service.redis.llen("celery:import") == 1


def test_an_import_with_a_repeated_key_is_the_same_job_with_a_header(service: Service) -> None:
    headers = {"idempotency-key": "k-1"}
    first = upload(service, CLAUDE_JSON, headers=headers)
    assert "idempotent-replayed" not in first.headers
    again = upload(service, CLAUDE_JSON, headers=headers)
    assert (again.json()["job_id"], again.headers["idempotent-replayed"]) == (first.json()["job_id"], "true")
    assert "idempotent-replayed" not in upload(service, CLAUDE_JSON).headers


def test_a_blob_holds_the_upload_under_a_generated_name_with_private_permissions(service: Service) -> None:
    content = b'{"projects": {"/p": {"x": "' + b"y" * 3_000_000 + b'"}}}'
    upload(service, content, name="../../etc/passwd\x1b.json")
    [blob] = blobs(service)
    assert UUID(blob.name)
    assert blob.read_bytes() == content
    assert stat.S_IMODE(blob.stat().st_mode) == 0o600
    [job] = service.select("SELECT files FROM import_jobs")
    assert "/" not in job["files"][0]["name"]


def test_an_upload_is_listed_by_its_path_from_home_or_its_last_part(service: Service) -> None:
    for name in ("~/.claude/projects on ann-laptop", "C:\\Users\\ann\\claude.json", "/home/ann/.claude.json"):
        upload(service, CLAUDE_JSON, name=name)

    names = {job["files"][0]["name"] for job in service.select("SELECT files FROM import_jobs")}

    assert names == {"~/.claude/projects on ann-laptop", "claude.json", ".claude.json"}


def test_several_files_are_one_job(service: Service) -> None:
    upload(service, CLAUDE_JSON, b"\xef\xbb\xbf" + CLAUDE_JSON)
    [job] = service.select("SELECT files FROM import_jobs")
    assert len(job["files"]) == len(blobs(service)) == 2


@pytest.mark.parametrize(("status", "success"), [("succeeded", True), ("failed", False)])
def test_a_job_finished_within_the_wait_returns_its_counts(service: Service, status: str, success: bool) -> None:
    def work() -> None:
        task_key, _ = service.redis.brpop(["celery:import"], timeout=60)
        assert task_key == b"celery:import"
        service.execute("UPDATE import_jobs SET status = %s, projects_imported = 15, sessions_imported = 42", status)

    worker = Thread(target=work)
    worker.start()
    answer = upload(service, CLAUDE_JSON, headers={"prefer": "wait=20"})
    worker.join()
    assert answer.status_code == 200
    assert "location" not in answer.headers
    expected = COUNTS | {"projects_imported": 15, "sessions_imported": 42, "success": success, "status": status}
    assert answer.json() == expected | {"job_id": answer.json()["job_id"]}


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        ([b""], "UNKNOWN_PROJECT_FILE"),
        ([b'{"name": "left-pad"}'], "UNKNOWN_PROJECT_FILE"),
        ([CLAUDE_JSON, b"hello"], "UNKNOWN_PROJECT_FILE"),
        ([b'{"claudeAiOauth": {"accessToken": "sk-ant-canary"}}'], "INVALID_FILE"),
    ],
)
def test_an_unknown_file_is_refused_and_leaves_nothing(service: Service, contents: list[bytes], code: str) -> None:
    answer = upload(service, *contents)
    assert list(is_error(answer, 400, code)) == ["file"]
    assert "claude.json" in answer.json()["message"]
    assert "canary" not in answer.text
    assert blobs(service) == []
    assert service.select("SELECT FROM import_jobs") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x--\r\n",
        b"no multipart at all",
        b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n{"projects":',
    ],
)
def test_a_body_without_a_complete_file_is_refused_and_leaves_nothing(service: Service, body: bytes) -> None:
    answer = service.http.post(IMPORT, content=body, headers={"content-type": "multipart/form-data; boundary=x"})
    is_error(answer, 400, "INVALID_FILE")
    assert blobs(service) == []


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 200])
def test_a_body_that_is_not_multipart_is_415(service: Service, media_type: str) -> None:
    is_error(service.http.post(IMPORT, content=b"{}", headers={"content-type": media_type}), 415, "UNSUPPORTED_MEDIA_TYPE")


class TestSmallLimit:
    @pytest.fixture
    def settings(self, database_url: str, redis_url: str, tmp_path: Path) -> Settings:
        return Settings(database_url=database_url, redis_url=redis_url, blob_url=(tmp_path / "blobs").as_uri(), max_upload_bytes=500_000)

    @pytest.mark.parametrize("is_declared", [True, False])
    def test_a_file_over_the_limit_is_413_and_leaves_nothing(self, service: Service, is_declared: bool) -> None:
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n{"projects":"'
        content: Any = head + b"y" * 500_000 if is_declared else iter([head, *[b"y" * 50_000] * 11])
        answer = service.http.post(IMPORT, content=content, headers={"content-type": "multipart/form-data; boundary=x"})
        is_error(answer, 413, "PAYLOAD_TOO_LARGE")
        assert blobs(service) == []


def test_an_idempotency_key_stands_for_one_job(service: Service) -> None:
    first = upload(service, CLAUDE_JSON, headers={"idempotency-key": "i-1"})
    again = upload(service, CLAUDE_JSON, headers={"idempotency-key": "i-1"})
    other = upload(service, b'{"projects": {}}', headers={"idempotency-key": "i-1"})
    assert first.json()["job_id"] == again.json()["job_id"]
    is_error(other, 409, "CONFLICT")
    assert len(blobs(service)) == 1
