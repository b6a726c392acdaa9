"""Import jobs as shown: progress, pace, possible actions, and changes as server-sent events."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from deploy.embedded.supervision.processes import wait_until
from services.query.app import create_app
from services.query.routes import import_jobs
from services.query.settings import Settings
from services.query.status import job_watch
from tests.integration.served_app import embedded_gateway
from tests.kept_connection import Connection


def test_an_import_job_is_shown_with_progress_and_errors(client: TestClient, connection: Connection) -> None:
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


def test_a_failed_job_can_be_retried_while_its_files_exist(client: TestClient, connection: Connection) -> None:
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


def test_progress_of_an_undo_is_the_share_of_sessions_removed(client: TestClient, connection: Connection) -> None:
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


JOB = "018f3b1e-0000-7000-8000-000000000001"
EVENTS = f"/api/import/jobs/{JOB}/events"
REPOSITORY = Path(__file__).parents[4]
SECONDS = 60


@pytest.fixture
def served(query_settings: Settings) -> Iterator[tuple[FastAPI, httpx.Client]]:
    with serving(query_settings) as running:
        yield running


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[FastAPI, httpx.Client]]:
    """The query service with two database connections, on a socket of its own."""
    app = create_app(settings.model_copy(update={"query_database_connections": 2}))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=SECONDS))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=SECONDS) as client:
        yield app, client
    server.should_exit = True
    thread.join()
    listening.close()


def add_job(connection: Connection, **columns: Any) -> None:
    row = {
        "id": JOB,
        "status": "running",
        "stage": "reading",
        "files": "[]",
        "bytes_total": 200,
        "started_at": "2024-01-01T00:00:00Z",
    } | columns
    names = ", ".join(row)
    connection.execute(f"INSERT INTO import_jobs ({names}) VALUES ({', '.join(f'%({name})s' for name in row)})".encode(), row)


def events_of(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    """(event, data); of a comment (its text, None)."""
    name = ""
    for line in answer.iter_lines():
        if line.startswith(": "):
            yield line, None
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_changes_are_streamed_until_the_job_ends(served: tuple[FastAPI, httpx.Client], connection: Connection) -> None:
    _, client = served
    add_job(connection)

    with client.stream("GET", EVENTS) as answer:
        told = events_of(answer)
        name, job = next(told)
        assert (name, job["progress"], job["status"]) == ("progress", 0.0, "running")

        connection.execute("UPDATE import_jobs SET bytes_done = 50")
        name, job = next(told)
        assert (name, job["progress"]) == ("progress", 0.25)

        connection.execute("UPDATE import_jobs SET status = 'succeeded', bytes_done = 200, finished_at = now()")
        name, job = next(told)
        assert (name, job["progress"], job["status"]) == ("done", 1.0, "succeeded")
        assert list(told) == []

    assert job == client.get(f"/api/import/jobs/{JOB}").json()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")


def test_an_ended_job_is_reported_done_at_once(served: tuple[FastAPI, httpx.Client], connection: Connection) -> None:
    _, client = served
    add_job(connection, status="cancelled")
    with client.stream("GET", EVENTS) as answer:
        assert [(name, job["status"]) for name, job in events_of(answer)] == [("done", "cancelled")]


def test_errors_before_the_stream_are_plain_error_answers(served: tuple[FastAPI, httpx.Client]) -> None:
    _, client = served
    assert (client.get(EVENTS).status_code, client.get(EVENTS).json()["code"]) == (404, "JOB_NOT_FOUND")
    assert client.get(EVENTS + "?since=1").json()["code"] == "VALIDATION_ERROR"
    assert client.get("/api/import/jobs/x/events").json()["code"] == "VALIDATION_ERROR"


def test_an_idle_stream_sends_heartbeats(
    served: tuple[FastAPI, httpx.Client], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_jobs, "HEARTBEAT_SECONDS", 0)
    _, client = served
    add_job(connection)
    with client.stream("GET", EVENTS) as answer:
        told = events_of(answer)
        assert [next(told)[0], next(told)[0]] == ["progress", ": still there"]


def test_a_head_request_ends_at_once(served: tuple[FastAPI, httpx.Client], connection: Connection) -> None:
    _, client = served
    add_job(connection)
    head = client.head(EVENTS)
    assert (head.status_code, head.headers["cache-control"]) == (200, "no-store")


def test_watchers_hold_no_database_connection(served: tuple[FastAPI, httpx.Client], connection: Connection) -> None:
    """given a server with two connections and fifty watchers, then reads are answered, and each watcher gets the end."""
    app, client = served
    add_job(connection)
    with ExitStack() as watching, httpx.Client(base_url=client.base_url, timeout=SECONDS, limits=httpx.Limits(max_connections=60)) as many:
        streams = [events_of(watching.enter_context(many.stream("GET", EVENTS))) for _ in range(50)]
        assert {next(told)[0] for told in streams} == {"progress"}
        assert app.state.job_watch.watchers == 50
        assert client.get("/api/sessions").status_code == 200
        connection.execute("UPDATE import_jobs SET status = 'failed'")
        assert [[name for name, _ in told] for told in streams] == [["done"]] * 50
    assert wait_until(lambda: app.state.job_watch.watchers == 0, SECONDS)


def test_watchers_above_the_limit_are_refused(query_settings: Settings, connection: Connection) -> None:
    add_job(connection)
    with serving(query_settings.model_copy(update={"max_watchers": 1})) as (_, client), client.stream("GET", EVENTS) as first:
        told = events_of(first)
        assert next(told)[0] == "progress"
        refused = client.get(EVENTS)
    assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
    assert "retry-after" in refused.headers


def test_watchers_do_not_take_request_slots(query_settings: Settings, connection: Connection) -> None:
    """given two request slots, when twenty clients watch a job, then reads are answered."""
    add_job(connection)
    limits = httpx.Limits(max_connections=30)
    with (
        serving(query_settings.model_copy(update={"max_requests": 2})) as (_, client),
        ExitStack() as watching,
        httpx.Client(base_url=client.base_url, timeout=SECONDS, limits=limits) as many,
    ):
        for _ in range(20):
            assert next(events_of(watching.enter_context(many.stream("GET", EVENTS))))[0] == "progress"
        assert [client.get("/api/sessions").status_code for _ in range(3)] == [200] * 3


def test_a_disconnected_watcher_is_removed(served: tuple[FastAPI, httpx.Client], connection: Connection) -> None:
    app, client = served
    add_job(connection)
    with client.stream("GET", EVENTS) as answer:
        assert next(events_of(answer))[0] == "progress"
    assert wait_until(lambda: app.state.job_watch.watchers == 0, SECONDS)


def test_a_stream_survives_a_database_outage(
    served: tuple[FastAPI, httpx.Client], connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given looks that fail, when they do not fail any more, then the stream goes on."""
    _, client = served
    add_job(connection)
    with client.stream("GET", EVENTS) as answer:
        told = events_of(answer)
        assert next(told)[0] == "progress"
        connection.execute("ALTER TABLE import_jobs RENAME TO import_jobs_away")
        try:
            blind = threading.Event()
            monkeypatch.setattr(job_watch.log, "warning", lambda *_, **__: blind.set())
            assert blind.wait(SECONDS)
        finally:
            connection.execute("ALTER TABLE import_jobs_away RENAME TO import_jobs")
        connection.execute("UPDATE import_jobs SET status = 'succeeded'")
        assert [name for name, _ in told] == ["done"]


def test_the_embedded_gateway_streams_and_stops_on_sigterm(
    database_url: str, redis_url: str, connection: Connection, tmp_path: Path
) -> None:
    """given a job that goes on and a watcher of it, when the process gets a SIGTERM, then the stream ends and so does the process."""
    add_job(connection)
    with embedded_gateway(database_url, redis_url, tmp_path) as (gateway, url):
        with httpx.Client(base_url=url, timeout=SECONDS * 2) as client, client.stream("GET", EVENTS) as answer:
            told = events_of(answer)
            assert next(told)[0] == "progress"
            connection.execute("UPDATE import_jobs SET bytes_done = 50")
            assert next(told)[1]["progress"] == 0.25
            gateway.send_signal(signal.SIGTERM)
            assert list(told) == []
        assert gateway.wait(SECONDS) in (0, -signal.SIGTERM)
