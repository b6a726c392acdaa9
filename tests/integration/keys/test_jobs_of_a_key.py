"""A key with only the scope `ingest` sees the import jobs it sent. A key with `read` sees all but the job of live capture."""

import psycopg

from services.worker.capture.capture_job import CaptureJob, capture_job
from tests.integration.keys.conftest import Api, is_error


def imported(api: Api, key: str) -> str:
    files = {"file": ("claude.json", b'{"projects": {}}')}
    answer = api.ask(key, "POST", "/api/import/claude-data", files=files, headers={"Prefer": "respond-async"})
    job_id: str = answer.json()["job_id"]
    return job_id


def listed(api: Api, key: str) -> list[str]:
    answer = api.get(key, "/api/import/jobs")
    assert answer.status_code == 200, answer.text
    return [job["job_id"] for job in answer.json()["items"]]


def test_an_ingest_key_lists_only_its_own_jobs(api: Api) -> None:
    for mine, other in (
        (api.key("ingest"), api.key("ingest")),
        (api.key("ingest", user="ann"), api.key("ingest", user="bob")),
        (api.key("ingest", "metrics"), api.key("ingest", "metrics", user="ann")),
    ):
        job_id, others = imported(api, mine), imported(api, other)
        assert listed(api, mine) == [job_id]
        shown = api.get(mine, f"/api/import/jobs/{job_id}").json()
        assert [file["name"] for file in shown["files"]] == ["claude.json"]
        for path in (f"/api/import/jobs/{others}", f"/api/import/jobs/{others}/events"):
            is_error(api.get(mine, path), 404, "JOB_NOT_FOUND")
        assert set(listed(api, api.key("read"))) >= {job_id, others}


def made(api: Api) -> CaptureJob:
    with psycopg.connect(api.database_url) as connection:
        job = capture_job(connection)
        assert capture_job(connection) == job, "there is one"
    return job


def test_the_capture_job_is_in_no_list_and_no_count(api: Api, admin: str) -> None:
    job = made(api)

    assert api.get(admin, "/api/import/jobs").json()["items"] == []
    for path in (f"/api/import/jobs/{job.id}", f"/api/import/jobs/{job.id}/events"):
        is_error(api.get(admin, path), 404, "JOB_NOT_FOUND")
    assert 'tracker_import_jobs{status="running"} 0.0' in api.get(admin, "/metrics").text


def test_the_capture_job_cannot_be_undone_cancelled_or_retried(api: Api, admin: str) -> None:
    job = made(api)

    is_error(api.ask(admin, "DELETE", f"/api/import/jobs/{job.id}"), 404, "JOB_NOT_FOUND")
    for action in ("cancel", "retry"):
        is_error(api.post(admin, f"/api/import/jobs/{job.id}/{action}", {}), 404, "JOB_NOT_FOUND")

    assert api.select("SELECT kind, status, cancel_requested_at, undone_at FROM import_jobs") == [
        {"kind": "capture", "status": "running", "cancel_requested_at": None, "undone_at": None}
    ]
