"""The job of live capture only gives its rows a number. No list shows it, and nobody can undo, cancel or retry it."""

import psycopg

from services.worker.capture.capture_job import CaptureJob, capture_job
from tests.integration.keys.conftest import Api, is_error


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
