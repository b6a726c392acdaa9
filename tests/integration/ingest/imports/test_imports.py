"""Imports become jobs by content; a client asks which files are read already; and `POST /api/reparse` reads the archive again."""

import random
import stat
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest

from services.ingest.imports.upload_manifest import MAX_FILES
from services.ingest.settings import Settings
from shared.blobs.folder import FolderStore
from shared.claude_formats.upload_kinds import READER_VERSION
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


MANIFEST = "/api/import/manifest"
TRIES = 10


def hash_of(content: str) -> bytes:
    return sha256(content.encode()).digest()


def entry(content: str, **changes: Any) -> dict[str, Any]:
    return {"path": f"projects/{content}.jsonl", "size": len(content), "sha256": hash_of(content).hex()} | changes


def imported(service: Service, *contents: str, user: str | None = None, reader_version: int = READER_VERSION) -> None:
    """By two jobs of the user."""
    for _ in range(2):
        [job] = service.select("INSERT INTO import_jobs (id, files, user_name) VALUES (gen_random_uuid(), '[]', %s) RETURNING number", user)
        for content in contents:
            service.execute(
                "INSERT INTO imported_files (sha256, job_number, reader_version) VALUES (%s, %s, %s)",
                hash_of(content),
                job["number"],
                reader_version,
            )


def answered(service: Service, files: list[dict[str, Any]]) -> httpx.Response:
    """A machine that is busy with other things may hold up the database for a second; then a client asks again, as the 503 says."""
    for _ in range(TRIES):
        if (answer := service.post(MANIFEST, {"files": files})).status_code != 503:
            break
    return answer


def test_imported_files_are_known_and_the_others_are_listed_by_index(service: Service) -> None:
    imported(service, "b", "d")

    answer = service.post(MANIFEST, {"files": [entry(content) for content in "abcda"]})

    assert answer.status_code == 200
    assert answer.json() == {"unseen": [0, 2, 4], "known": 2, "max_upload_bytes": service.settings.max_upload_bytes}


def test_a_file_is_known_only_for_the_user_who_imported_it(service: Service) -> None:
    imported(service, "anns", user="ann")
    imported(service, "nobodys")

    def unseen(**fields: str) -> Any:
        return service.post(MANIFEST, {"files": [entry("anns"), entry("nobodys")]} | fields).json()["unseen"]

    assert unseen(user="ann") == [1]
    assert unseen(user="bob") == [0, 1]
    assert unseen() == []


def test_a_file_read_by_an_older_reader_is_requested_again(service: Service) -> None:
    imported(service, "old", reader_version=READER_VERSION - 1)
    imported(service, "new")

    assert service.post(MANIFEST, {"files": [entry("old"), entry("new")]}).json()["unseen"] == [0]


def test_an_empty_manifest_has_no_unseen_files(service: Service) -> None:
    assert service.post(MANIFEST, {"files": []}).json()["unseen"] == []


def test_a_manifest_of_maximum_size_is_answered(service: Service) -> None:
    imported(service, "7")
    files = [entry(str(n)) for n in range(MAX_FILES)]
    random.Random(1).shuffle(files)

    answer = answered(service, files)

    assert answer.status_code == 200, answer.text
    assert answer.json()["known"] == 1
    [known] = set(range(MAX_FILES)) - set(answer.json()["unseen"])
    assert files[known] == entry("7")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "files"),
        ({"files": {}}, "files"),
        ({"files": [entry("a")] * (MAX_FILES + 1)}, "files"),
        ({"files": [entry("a"), {"path": "x", "size": 1}]}, "files[1].sha256"),
        ({"files": [entry("a", sha256="A" * 64)]}, "files[0].sha256"),
        ({"files": [entry("a", sha256="a" * 63)]}, "files[0].sha256"),
        ({"files": [entry("a", sha256="a" * 64 + "\n")]}, "files[0].sha256"),
        ({"files": [entry("a", size=-1)]}, "files[0].size"),
        ({"files": [entry("a", size="1")]}, "files[0].size"),
        ({"files": [entry("a", path="")]}, "files[0].path"),
        ({"files": [], "user": ""}, "user"),
        ({"files": [], "user": 7}, "user"),
    ],
)
def test_an_invalid_manifest_is_400_and_names_the_field(service: Service, body: Any, field: str) -> None:
    assert list(is_error(service.post(MANIFEST, body), 400, "VALIDATION_ERROR")) == [field]


def test_malformed_json_is_400(service: Service) -> None:
    is_error(service.http.post(MANIFEST, content=b"{", headers={"content-type": "application/json"}), 400, "INVALID_JSON")


@pytest.fixture
def archived(service: Service) -> None:
    """A transcript of a session, of project 1."""
    service.execute("INSERT INTO projects (path, name) VALUES ('/p', 'p')")
    service.execute("INSERT INTO sessions (session_id, project_id) SELECT 's1', id FROM projects")
    service.execute("INSERT INTO transcript_files (session_id, file_name, stored_offset) VALUES ('s1', 's1.jsonl', 10)")


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("body", [{}, {"session_id": "s1"}, {"project_id": 1}])
def test_a_reparse_is_a_queued_job(service: Service, body: dict[str, object]) -> None:
    """given an archived session, when a reparse is asked for, then it is a job with that selection, its task is sent, and the audit log has it."""
    if "project_id" in body:
        [project] = service.select("SELECT id FROM projects")
        body["project_id"] = project["id"]

    answer = service.http.post("/api/reparse", json=body)

    assert answer.status_code == 202
    [job] = service.select("SELECT id, kind, status, selection FROM import_jobs")
    assert answer.json() == {
        "job_id": str(job["id"]),
        "status": "queued",
        "message": "The rows of the archived transcripts are being derived anew.",
        "undoes": None,
    }
    assert answer.headers["location"] == f"/api/import/jobs/{job['id']}"
    assert (job["kind"], job["status"], job["selection"]) == ("reparse", "queued", body)
    assert service.select("SELECT act FROM audit_log") == [{"act": "reparse.start"}]
    assert service.redis.llen("celery:import") == 1


@pytest.mark.usefixtures("archived")
def test_a_dry_run_and_a_limit_are_part_of_the_job(service: Service) -> None:
    answers = [service.http.post("/api/reparse", json=body) for body in ({"dry_run": True}, {"max_removed": 0}, {"max_removed": -1})]

    assert [answer.status_code for answer in answers] == [202, 202, 400]
    assert answers[0].json()["message"] == "What a reparse of the archived transcripts would change is being counted."
    selections = [job["selection"] for job in service.select("SELECT selection FROM import_jobs ORDER BY number")]
    assert selections == [{"dry_run": True}, {"max_removed": 0}]


@pytest.mark.usefixtures("archived")
def test_a_repeated_key_is_the_same_job(service: Service) -> None:
    answers = [service.http.post("/api/reparse", json={}, headers={"idempotency-key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(service.select("SELECT FROM import_jobs")) == 1


@pytest.mark.usefixtures("archived")
def test_a_reparse_of_nothing_in_the_archive_is_404(service: Service) -> None:
    is_error(service.http.post("/api/reparse", json={"session_id": "s2"}), 404, "SESSION_NOT_FOUND")
    is_error(service.http.post("/api/reparse", json={"project_id": 99}), 404, "PROJECT_NOT_FOUND")
    assert service.select("SELECT FROM import_jobs") == []


def test_a_session_and_a_project_exclude_each_other(service: Service) -> None:
    is_error(service.http.post("/api/reparse", json={"session_id": "s1", "project_id": 1}), 400, "VALIDATION_ERROR")


@pytest.mark.usefixtures("archived")
def test_a_running_reparse_can_be_cancelled_and_not_undone(service: Service) -> None:
    job_id = service.http.post("/api/reparse", json={}).json()["job_id"]
    assert service.http.post(f"/api/import/jobs/{job_id}/cancel").status_code == 202
    is_error(service.http.delete(f"/api/import/jobs/{job_id}"), 409, "CONFLICT")
