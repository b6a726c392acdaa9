"""A kind of event, and a column of an act, are added by the steps of CONTRIBUTING.md alone, and then everything works for them.

Older workers keep a kind for newer ones.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import psycopg
import pytest
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from deploy.migrations.grants import INGEST, QUERY, WORKER
from services.worker.drain.drain_partition import drain
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from shared.redaction.redact import redact_text
from tests.conftest import as_role, make_database
from tests.flow.client.claude_home import ClaudeHome
from tests.flow.own_stack.bookmark_kind import COLUMN_STEPS, REPOSITORY, STEPS, Step, copy_with, files_in
from tests.integration.keys.conftest import make_key
from tests.skips import needs
from tests.worker_command import WORKER_COMMAND

pytestmark = needs("the embedded servers")
SECONDS = 60
WAIT = {"Prefer": "wait=30"}
SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
# A database of the test's Redis server; tests/flow/conftest.py has 1.
REDIS_DATABASE = 7
# Prints the attempts of the calls that an import reads of an export.
ATTEMPTS = """
import sys, zipfile
from datetime import UTC, datetime
from services.worker.importers.formats.exported_rows import read_exported_rows

with zipfile.ZipFile(sys.argv[1]) as export, export.open("rows/tool_calls.ndjson") as rows:
    print([read.record.attempt for read in read_exported_rows(rows, "tool_calls", None, datetime.now(UTC)) if read.record.attempt])
"""


@dataclass(frozen=True)
class Newer:
    """The running services of the release that knows bookmarks, each under its own role in Postgres. The clients send an admin's API key."""

    ingest: httpx.Client
    query: httpx.Client
    code: Path
    database_url: str
    redis_url: str
    environment: dict[str, str]
    logs: Path

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.ingest.post(path, json=body, headers=headers)

    def start(self, session_id: str, **fields: str) -> None:
        assert self.post("/api/sessions/start", {"session_id": session_id, "project_path": "/home/ann/shop"} | fields).status_code == 201

    def session(self, session_id: str) -> Any:
        return self.query.get(f"/api/sessions/{session_id}").json()

    def wait_for_success(self, accepted: httpx.Response) -> None:
        """Waits for a job or scrub that was started."""
        path = accepted.headers["location"]
        assert wait_until(lambda: self.query.get(path).json()["status"] == "succeeded", SECONDS), self.query.get(path).text

    def select(self, sql: str, *params: object) -> list[Any]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(sql.encode(), params).fetchall()

    def execute(self, sql: str, *params: object) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(sql.encode(), params)

    def journal(self) -> list[dict[str, Any]]:
        """The events that wait in it."""
        with Redis.from_url(self.redis_url) as redis:
            return [event for _, fields in redis.xrange(stream_key(0)) for event in json.loads(fields[PAYLOAD_FIELD.encode()])["events"]]

    def accepted_bookmarks(self) -> int:
        """By ingest's metric."""
        counted = re.search(r'^tracker_events_accepted_total{type="bookmark"} (\d+)', self.ingest.get("/metrics").text, re.MULTILINE)
        return int(counted[1]) if counted else 0

    def maintain(self, command: str) -> None:
        """As an operator runs it; it must succeed."""
        arguments = [sys.executable, "-m", f"services.worker.maintenance.{command}"]
        ran = subprocess.run(arguments, cwd=self.code, env=self.environment, capture_output=True, text=True, timeout=90, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def assert_nothing_drifted(self) -> None:
        self.maintain("verify")


@pytest.fixture(scope="module")
def release(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newer]:
    folder = tmp_path_factory.mktemp("newer")
    code = copy_with((*STEPS, *COLUMN_STEPS), folder / "code")
    database_url = make_database(postgres_url, "bookmarks_test")
    redis_url = re.sub(r"(\?db=|/)0$", rf"\g<1>{REDIS_DATABASE}", redis_server_url)
    environment = os.environ | {
        "TRACKER_DATABASE_URL": database_url,
        "TRACKER_REDIS_URL": redis_url,
        "TRACKER_BLOB_URL": (folder / "blobs").as_uri(),
        "TRACKER_ARCHIVE_URL": (folder / "archive").as_uri(),
        "TRACKER_CANARY_SECONDS": "0",
        "TRACKER_ACCESS": "keys",
    }
    # The database is that of the release before, and is upgraded.
    subprocess.run([sys.executable, "-m", "deploy.migrations.migrate"], cwd=code, env=environment, check=True, timeout=SECONDS)
    of_role = {role: environment | {"TRACKER_DATABASE_URL": as_role(database_url, role)} for role in (INGEST, QUERY, WORKER)}
    key = make_key(database_url, "admin")
    with (
        _serving("ingest", code, of_role[INGEST], folder, key) as ingest,
        _serving("query", code, of_role[QUERY], folder, key) as query,
    ):
        yield Newer(ingest, query, code, database_url, redis_url, of_role[WORKER], folder)


@dataclass(frozen=True)
class Older:
    """The result of a worker that does not know bookmarks: the session, what ingest answered, and the journal before and after."""

    session_id: str
    answer: httpx.Response
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]


@pytest.fixture(scope="module")
def older(release: Newer) -> Older:
    """Ingest is newer already, the only worker is of this release. By a key that is bound to ann."""
    session_id = str(uuid4())
    release.start(session_id, user="ann")
    key = make_key(release.database_url, "ingest", user="ann")
    answer = release.post("/api/bookmarks", bookmark(session_id, f"token {SECRET}", user="bob"), Authorization=f"Bearer {key}")
    before = release.journal()
    worker = open_resources(Settings(database_url=release.database_url, redis_url=release.redis_url, claim_idle_ms=100))
    try:
        drain(worker)
    finally:
        worker.close()
    return Older(session_id, answer, before, release.journal())


@pytest.fixture(scope="module")
def newer(release: Newer, older: Older) -> Iterator[Newer]:
    """With a worker of its own, which starts after the older one has seen a bookmark."""
    with _running(WORKER_COMMAND, release.code, release.environment, release.logs / "worker.log"):
        yield release


@contextmanager
def _serving(service: str, code: Path, environment: dict[str, str], logs: Path, key: str) -> Iterator[httpx.Client]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = logs / f"{service}.log"
    with (
        _running(["-m", f"services.{service}", "--port", str(port)], code, environment, log),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"Authorization": f"Bearer {key}"}) as client,
    ):
        assert wait_until(lambda: _is_ready(client), SECONDS), log.read_text()[-3000:]
        yield client


@contextmanager
def _running(arguments: list[str], code: Path, environment: dict[str, str], log_file: Path) -> Iterator[None]:
    with log_file.open("ab") as log:
        process = subprocess.Popen([sys.executable, *arguments], cwd=code, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def bookmark(session_id: str, note: str = "here it broke", **fields: Any) -> dict[str, Any]:
    return {"session_id": session_id, "note": note, "line": 7, "timestamp": "2026-11-20T10:00:03Z"} | fields


@pytest.mark.parametrize(("heading", "steps"), [("A new kind of event", STEPS), ("A new column of an act", COLUMN_STEPS)])
def test_the_steps_are_those_of_the_guide(heading: str, steps: tuple[Step, ...]) -> None:
    named = files_in((REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8"), heading)
    touched = {step.file for step in steps}
    assert all(any(fnmatch(file, name) for name in named) for file in touched), touched
    assert all(any(fnmatch(file, name) for file in touched) for name in named), named


def test_a_new_kind_is_accepted_redacted_waited_for_stored_and_counted(newer: Newer) -> None:
    session_id = str(uuid4())
    newer.start(session_id, user="ann")
    accepted_before = newer.accepted_bookmarks()

    # Given a bookmark with a secret in its text, and another one in a batch
    answer = newer.post("/api/bookmarks", bookmark(session_id, f"token {SECRET}"), **WAIT)
    batch = newer.post("/api/events", [bookmark(session_id, "later", type="bookmark")], **WAIT)

    # Then both are stored, the text without the secret
    assert (answer.status_code, answer.json()["status"]) == (201, "persisted"), answer.text
    assert batch.json() == {"accepted": 1, "rejected": [], "status": "persisted"}
    rows = newer.select("SELECT note, line, user_id > 0 FROM bookmarks WHERE session_id = %s ORDER BY note", session_id)
    assert rows == [("later", 7, True), (f"token {redact_text(SECRET)}", 7, True)]

    # And they count for their session as their table says
    assert newer.session(session_id)["messages_count"] == 2
    newer.assert_nothing_drifted()
    assert newer.accepted_bookmarks() == accepted_before + 2


def test_a_new_column_is_stored_shown_exported_and_read_again(newer: Newer) -> None:
    session_id = str(uuid4())
    newer.start(session_id)
    call = {"session_id": session_id, "tool_name": "Bash", "result_status": "error", "attempt": 3, "timestamp": "2026-11-20T10:00:03Z"}
    assert newer.post("/api/tool-calls", call, **WAIT).json()["status"] == "persisted"

    # Shown in the list and in the timeline
    [listed] = newer.query.get(f"/api/tool-calls/session/{session_id}").json()["items"]
    [in_timeline] = newer.query.get(f"/api/sessions/{session_id}/timeline").json()["items"]
    assert (listed["attempt"], in_timeline["attempt"]) == (3, 3)

    # And exported, as what an import reads
    started = newer.post("/api/exports", {})
    newer.wait_for_success(started)
    export = newer.logs / "export.zip"
    export.write_bytes(newer.query.get(f"{started.headers['location']}/archive").content)
    read = subprocess.run([sys.executable, "-c", ATTEMPTS, export], cwd=newer.code, capture_output=True, text=True, timeout=90, check=False)
    assert read.stdout == "[3]\n", read.stderr


def test_the_id_of_a_new_kind_is_one_event(newer: Newer) -> None:
    session_id, event_id = str(uuid4()), str(uuid4())
    newer.start(session_id)
    first, again, other = (
        newer.post("/api/bookmarks", bookmark(session_id, note, id=event_id), **WAIT) for note in ("here", "here", "elsewhere")
    )
    assert (first.json()["status"], again.json()["status"]) == ("persisted", "persisted")
    assert (other.status_code, other.json()["code"]) == (409, "CONFLICT")
    assert newer.select("SELECT note FROM bookmarks WHERE session_id = %s", session_id) == [("here",)]


def test_a_count_of_a_new_kind_that_cannot_be_true_is_refused(newer: Newer) -> None:
    session_id = str(uuid4())
    newer.start(session_id)
    refused = newer.post("/api/bookmarks", bookmark(session_id, line=10**9))
    assert (refused.status_code, list(refused.json()["details"])) == (400, ["line"])


def test_a_scrub_covers_the_texts_of_a_new_kind(newer: Newer) -> None:
    session_id = str(uuid4())
    newer.start(session_id)
    answer = newer.post("/api/bookmarks", bookmark(session_id), **WAIT)
    # As a release without that rule would have stored it.
    newer.execute("UPDATE bookmarks SET note = %s WHERE id = %s", f"token {SECRET}", answer.json()["id"])

    newer.wait_for_success(newer.post("/api/scrubs", {}))

    assert newer.select("SELECT note FROM bookmarks WHERE session_id = %s", session_id) == [(f"token {redact_text(SECRET)}",)]
    newer.assert_nothing_drifted()


def test_a_dead_letter_of_a_new_kind_is_replayed(newer: Newer) -> None:
    session_id = str(uuid4())
    newer.start(session_id)
    newer.execute("ALTER TABLE bookmarks ADD CONSTRAINT nothing_forbidden CHECK (note <> 'forbidden')")
    answer = newer.post("/api/bookmarks", bookmark(session_id, "forbidden"), **WAIT)
    assert answer.json()["status"] == "dead_letter"
    [(letter_id, kind)] = newer.select("SELECT id, kind FROM dead_letters WHERE event_id = %s", answer.json()["id"])
    assert kind == "bookmark"
    newer.execute("ALTER TABLE bookmarks DROP CONSTRAINT nothing_forbidden")

    replayed = newer.post(f"/api/dead-letters/{letter_id}/replay", {}, **WAIT)

    assert replayed.json()["status"] == "persisted", replayed.text
    assert newer.select("SELECT note FROM bookmarks WHERE session_id = %s", session_id) == [("forbidden",)]


def test_the_undo_of_an_import_leaves_the_bookmarks_of_its_session(newer: Newer, tmp_path: Path) -> None:
    # An undo removes the rows that only the import brought. A bookmark came over the wire, so no import brought it.
    session_id = str(uuid4())
    transcript = ClaudeHome(tmp_path).transcript(session_id=session_id)
    newer.start(session_id)
    newer.post("/api/bookmarks", bookmark(session_id), **WAIT)
    imported = newer.ingest.post("/api/import/claude-data", files={"file": (transcript.name, transcript.read_bytes())}).json()
    assert imported["success"], imported
    assert newer.session(session_id)["messages_count"] > 1

    newer.wait_for_success(newer.ingest.delete(f"/api/import/jobs/{imported['job_id']}"))

    assert newer.session(session_id)["messages_count"] == 1
    assert newer.select("SELECT note FROM bookmarks WHERE session_id = %s", session_id) == [("here it broke",)]
    newer.assert_nothing_drifted()


def test_the_undo_of_an_import_removes_the_rows_of_a_new_kind_that_it_brought(newer: Newer, tmp_path: Path) -> None:
    # No file holds bookmarks, so the row is marked as an importer would have stored it. Then the undo finds it by its table's entry.
    session_id = str(uuid4())
    transcript = ClaudeHome(tmp_path).transcript(session_id=session_id)
    newer.start(session_id)
    newer.post("/api/bookmarks", bookmark(session_id), **WAIT)
    imported = newer.ingest.post("/api/import/claude-data", files={"file": (transcript.name, transcript.read_bytes())}).json()
    newer.execute(
        "UPDATE bookmarks SET brought_by = ARRAY[(SELECT number FROM import_jobs WHERE id = %s)] WHERE session_id = %s",
        imported["job_id"],
        session_id,
    )

    newer.wait_for_success(newer.ingest.delete(f"/api/import/jobs/{imported['job_id']}"))

    assert newer.select("SELECT note FROM bookmarks WHERE session_id = %s", session_id) == []
    newer.assert_nothing_drifted()


def test_a_worker_that_does_not_know_the_kind_keeps_it_for_one_that_does(newer: Newer, older: Older) -> None:
    # Given a bookmark that ingest accepted as its user's, and that a worker of this release took from the journal
    sent = older.answer.json()
    assert (older.answer.status_code, sent["status"]) == (201, "queued")
    assert [event["user"] for event in older.before if event["type"] == "bookmark"] == ["ann"]
    assert older.after == []

    # Then it has become a dead letter, and nothing is lost
    [(letter_id, reason, payload)] = newer.select(
        "SELECT id, reason, payload FROM dead_letters WHERE stored_at IS NULL AND encode(payload, 'escape') LIKE %s",
        f"%{older.session_id}%",
    )
    assert [event["id"] for event in json.loads(payload)["events"]] == [sent["id"]]
    assert "not readable" in reason
    assert SECRET.encode() not in payload

    # And a newer worker stores it when it is replayed
    replayed = newer.post(f"/api/dead-letters/{letter_id}/replay", {}, **WAIT)
    assert replayed.json()["status"] == "persisted", replayed.text
    assert newer.select("SELECT line FROM bookmarks WHERE session_id = %s", older.session_id) == [(7,)]
    newer.assert_nothing_drifted()
