"""Import jobs as shown: progress, pace, remaining work of an undo, and possible actions."""

from datetime import UTC, datetime
from typing import Any

import psycopg
from starlette.testclient import TestClient


def test_an_import_job_is_shown_with_progress_and_errors(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    done, running = "018f3b1e-0000-7000-8000-000000000001", "018f3b1e-0000-7000-8000-000000000002"
    files = '[{"name": "claude.json", "blob_url": "file:///secret/path", "bytes": 10, "kind": "claude_json"}]'
    errors = '[{"file": "claude.json", "line": 3, "code": "INVALID_JSON", "message": "not JSON"}]'
    insert = "INSERT INTO import_jobs (id, status, stage, files, bytes_total, bytes_done, started_at, created_at, errors, errors_total, sessions_imported) VALUES "
    values = "(%s, %s, 'parsing', %s, 200, %s, now() - interval '10 s', %s, %s, 1, 42)"
    connection.execute((insert + values).encode(), (done, "succeeded", files, 200, datetime(2024, 1, 1, tzinfo=UTC), errors))
    connection.execute((insert + values).encode(), (running, "running", files, 50, datetime(2024, 1, 2, tzinfo=UTC), "[]"))
    listed = client.get("/api/import/jobs").json()["items"]
    assert [(job["job_id"], job["progress"]) for job in listed] == [(running, 0.25), (done, 1.0)]
    assert 25 <= listed[0]["eta_seconds"] <= 300
    job = client.get(f"/api/import/jobs/{done}").json()
    assert job == listed[1]
    assert (job["sessions_imported"], job["errors_total"], job["errors"][0]["code"]) == (42, 1, "INVALID_JSON")
    assert job["files"] == [{"name": "claude.json", "bytes": 10, "kind": "claude_json"}]
    assert client.get("/api/import/jobs/018f3b1e-0000-7000-8000-000000000003").json()["code"] == "JOB_NOT_FOUND"


def test_a_failed_job_can_be_retried_while_its_files_exist(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    insert = """
        INSERT INTO import_jobs (id, status, stage, files, has_files, rows_done, files_done, api_calls_imported, unknown_records, started_at, finished_at)
        VALUES (gen_random_uuid(), %s, 'done', '[]', %s, 300, 4, 7, '{"(none)": 2}', '2024-01-01T00:00:00Z', '2024-01-01T00:00:20Z')"""
    for status, has_files in (("failed", True), ("failed", False), ("succeeded", True)):
        connection.execute(insert.encode(), (status, has_files))
    jobs = client.get("/api/import/jobs").json()["items"]
    assert sorted((job["status"], job["can_retry"]) for job in jobs) == [("failed", False), ("failed", True), ("succeeded", False)]

    shown = {
        name: jobs[0][name] for name in ("kind", "rows_done", "files_done", "api_calls_imported", "rows_per_second", "unknown_records")
    }

    assert shown == {
        "kind": "import",
        "rows_done": 300,
        "files_done": 4,
        "api_calls_imported": 7,
        "rows_per_second": 15.0,
        "unknown_records": {"(none)": 2},
    }
    assert [jobs[0][name] for name in ("undoes", "undone_at", "cancel_requested_at", "eta_seconds")] == [None] * 4


def test_progress_of_an_undo_is_the_share_of_sessions_removed(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    """given an import of four sessions of which an undo has one left, then it is at three quarters, and needs a third of its time again."""
    imported, undo = "018f3b1e-0000-7000-8000-000000000001", "018f3b1e-0000-7000-8000-000000000002"
    connection.execute(
        "INSERT INTO import_jobs (id, number, status, stage, files, sessions_imported) VALUES (%s, 7, 'succeeded', 'succeeded', '[]', 4)",
        (imported,),
    )

    connection.execute(
        "INSERT INTO import_jobs (id, kind, undoes, status, stage, files, has_files, started_at) VALUES (%s, 'undo', %s, 'running', 'undoing', '[]', false,"
        " now() - interval '30 s')",
        (undo, imported),
    )

    connection.execute("INSERT INTO import_sessions VALUES (7, 'the last'), (8, 'of another')")
    job = client.get(f"/api/import/jobs/{undo}").json()
    assert (job["kind"], job["undoes"], job["progress"], job["can_retry"]) == ("undo", imported, 0.75, False)
    assert 10 <= job["eta_seconds"] <= 300

    connection.execute("UPDATE import_jobs SET sessions_imported = 0 WHERE kind = 'import'")
    job = client.get(f"/api/import/jobs/{undo}").json()
    assert (job["progress"], job["eta_seconds"]) == (0.0, None)
