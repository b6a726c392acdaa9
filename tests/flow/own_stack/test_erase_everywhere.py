"""A person's texts, names and ids that came in by every door: after their erasure they are in no table, file, Redis key or blob, and nobody else's
numbers have changed."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2 as httpx
import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker.maintenance import verify
from services.worker.resources import open_resources
from services.worker.settings import Settings
from tests.flow.conftest import Run, Stack, running_stack
from tests.integration.worker.all_tables import tables
from tests.searched_stores import Stores
from tests.servers import Server
from tests.telemetry import event, logs

SECONDS: Final = 60
_LETTERS: Final = "bcdfghjkmnpqrstvwxz"


class Person:
    """Makes texts of a person, and knows all of them by what they are."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.texts: dict[str, str] = {}
        self.name = self("name")
        self.path = f"/home/{self('folder')}/project"
        self.sessions = {way: self.id(f"session by {way}") for way in ("events", "capture", "import", "hooks")}
        self.machine = self("machine")

    def __call__(self, what: str) -> str:
        """A word that nobody else uses."""
        return self.texts.setdefault(what, "".join(self._random.choices(_LETTERS, k=18)))

    def id(self, what: str) -> str:
        return self.texts.setdefault(what, str(uuid4()))


def post(stack: Stack, path: str, body: Any) -> Any:
    answer = stack.http.post(path, json=body, headers={"Prefer": "wait=20"})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def transcript(person: Person, way: str) -> bytes:
    """A prompt, thinking, a call with its result, an edit, an answer, a title."""
    session_id, call_id = person.sessions[way], f"toolu_{person(f'{way} call')}"
    names = {"cwd": person.path, "gitBranch": person(f"{way} branch"), "version": "2.0.1", "sessionId": session_id}
    said = [
        {"type": "thinking", "thinking": person(f"{way} thinking"), "signature": "x"},
        {"type": "text", "text": f"so {person(f'{way} text')} it is"},
        {"type": "tool_use", "id": call_id, "name": "Bash", "input": {"command": f"cat {person(f'{way} command')}"}},
    ]
    result = [{"type": "tool_result", "tool_use_id": call_id, "content": person(f"{way} result")}]
    usage = {"model": "claude-sonnet-4-5", "usage": {"input_tokens": 3, "output_tokens": 4}}
    messages: list[dict[str, Any]] = [
        {"type": "user", "message": {"role": "user", "content": f"please {person(f'{way} prompt')}"}},
        {"type": "assistant", "message": {"role": "assistant", "id": f"msg_{person(f'{way} message')}", "content": said} | usage},
        {"type": "user", "message": {"role": "user", "content": result}, "toolUseResult": {"stdout": person(f"{way} stdout")}},
    ]
    rows = [
        message | names | {"uuid": person.id(f"{way} uuid {number}"), "timestamp": f"2026-11-20T10:00:0{number}.000Z"}
        for number, message in enumerate(messages)
    ]
    rows.append({"type": "custom-title", "customTitle": person(f"{way} title"), "sessionId": session_id})
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def hook(person: Person, event: str, **more: Any) -> bytes:
    return json.dumps({"session_id": person.sessions["hooks"], "cwd": person.path, "hook_event_name": event} | more).encode()


def by_events(stack: Stack, person: Person) -> None:
    session_id = person.sessions["events"]
    post(stack, "/api/sessions/start", {"session_id": session_id, "project_path": person.path, "user": person.name})
    taken = person.id("taken id")
    said = {"session_id": session_id, "role": "user", "content": f"hello {person('message')}", "id": taken}
    post(stack, "/api/conversations", said)
    post(stack, "/api/activities", {"session_id": session_id, "file_path": f"/x/{person('file')}.py", "action": "created"})
    call = {"tool_name": "Bash", "result_status": "error", "parameters": {"command": person("command")}, "result": person("result")}
    post(stack, "/api/tool-calls", call | {"session_id": session_id})
    post(stack, "/api/tool-calls", call | {"user": person.name, "parameters": {"command": person("command without a session")}})
    # The same id with another text is a dead letter.
    stack.http.post("/api/conversations", json=said | {"content": person("dead letter")}, headers={"Prefer": "wait=20"})


def told(stack: Stack, person: Person) -> httpx.Response:
    """Telemetry of two sessions: of one there is a transcript, of the other nothing else."""
    events = [
        event("tool_result", number, session=session_id, vcs__ref__head__name=person(f"branch that telemetry names {number}"))
        for number, session_id in enumerate((person.sessions["capture"], person.id("session of telemetry")))
    ]
    return stack.http.post(f"/v1/logs?user={person.name}", json=logs(*events))


def by_capture(stack: Stack, person: Person) -> None:
    headers = {"X-Tracker-Machine": person.machine}
    calls = {"tool_name": "Bash", "tool_use_id": f"toolu_{person('hook call')}", "tool_input": {"command": person("hook command")}}
    for body in (
        hook(person, "SessionStart", source="startup"),
        hook(person, "UserPromptSubmit", prompt=person("hook prompt")),
        hook(person, "PreToolUse", **calls),
        hook(person, "Notification", message=person("notification"), notification_type="permission_prompt"),
    ):
        answer = stack.http.post(f"/api/hooks?user={person.name}", content=body, headers=headers | {"Content-Type": "application/json"})
        assert answer.status_code == 204, answer.text
    assert told(stack, person).json() == {}
    session_id = person.sessions["capture"]
    files = {f"{session_id}.jsonl": transcript(person, "capture"), f"subagents/agent-{person('agent')}.jsonl": b'{"type":"x"}\n'}
    for name, content in files.items():
        query = {"file": name, "offset": 0, "user": person.name}
        kind = {"Content-Type": "application/x-ndjson"}
        answer = stack.http.put(f"/api/transcripts/{session_id}", params=query, content=content, headers=headers | kind)
        assert answer.status_code == 200, answer.text
    report = {"name": person("machine's name"), "user": person.name, "last_error": person("last error")}
    assert stack.http.put(f"/api/machines/{person.machine}", json=report).status_code == 200


def by_import(stack: Stack, person: Person) -> None:
    broken = f'{{"type":"user","{person("broken line")}\n'.encode()
    name = f"{person.sessions['import']}.jsonl"
    history = {"display": person("display"), "timestamp": 1_796_000_000_000, "project": person.path}
    files = [("file", (name, transcript(person, "import") + broken)), ("file", ("history.jsonl", json.dumps(history).encode() + b"\n"))]
    answer = stack.http.post("/api/import/claude-data", files=files, data={"user": person.name}, headers={"Prefer": "wait=50"})
    assert answer.json()["status"] == "succeeded", answer.text


def in_a_worktree(stack: Stack, person: Person) -> None:
    """Its project becomes part of the person's other one, in a group."""
    path, session_id = f"{person.path}-{person('worktree')}", person.id("session in a worktree")
    post(stack, "/api/sessions/start", {"session_id": session_id, "project_path": path, "user": person.name})
    post(stack, "/api/conversations", {"session_id": session_id, "role": "user", "content": person("worktree prompt")})
    ids = dict(stack.select("SELECT path, id FROM projects"))
    change = {"merged_into": ids[person.path]}
    assert stack.http.patch(f"/api/projects/{ids[path]}", json=change).status_code == 202
    assert stack.http.patch(f"/api/projects/{ids[person.path]}", json={"group": person("group")}).status_code == 202
    assert wait_until(lambda: stack.select("SELECT FROM projects WHERE rekey_requested_at IS NOT NULL") == [], SECONDS)
    assert stack.http.patch(f"/api/sessions/{session_id}", json={"visibility": "shared"}).status_code == 200


def before_retention(stack: Stack, person: Person) -> None:
    """A session that is dropped, and one that loses its texts."""
    for what, days in (("dropped session", 400), ("session without texts", 250)):
        session_id, at = person.id(what), (datetime.now(UTC) - timedelta(days=days)).isoformat()
        start = {"session_id": session_id, "project_path": person.path, "user": person.name, "start_time": at}
        post(stack, "/api/sessions/start", start)
        said = {"session_id": session_id, "role": "user", "content": person(f"dropped text of {what}"), "timestamp": at}
        post(stack, "/api/conversations", said)
        file = {"session_id": session_id, "file_path": f"/x/{person(f'file of {what}')}.py", "action": "created", "timestamp": at}
        post(stack, "/api/activities", file)
    settle(stack)
    for kind, days in (("sessions", 300), ("texts", 200)):
        rule = {"what": kind, "days": days, "user": person.name}
        assert stack.http.put("/api/retention/rules", json=rule).status_code == 200
    assert stack.http.post("/api/retention/runs", json={}).status_code == 202
    assert wait_until(lambda: stack.select("SELECT FROM jobs WHERE kind = 'retention' AND status IN ('queued', 'running')") == [], SECONDS)
    assert stack.http.get(f"/api/sessions/{person.texts['dropped session']}").status_code == 404


def exported(stack: Stack, person: Person) -> None:
    assert stack.http.post("/api/exports", json={"user": person.name}).status_code == 202
    running = "SELECT FROM import_jobs WHERE kind = 'export' AND status IN ('queued', 'running')"
    assert wait_until(lambda: stack.select(running) == [], SECONDS)
    assert stack.select("SELECT FROM exports WHERE blob_url IS NULL") == []


def beside(stack: Stack, person: Person) -> None:
    marks = {"tags": [person("tag")], "note": person("note"), "title": person("marked title")}
    assert stack.http.patch(f"/api/sessions/{person.sessions['events']}", json=marks).status_code == 200
    view = {"name": f"of {person.name}", "address": f"/usage?user={person.name}"}
    assert stack.http.post("/api/views", json=view).status_code == 201
    key = {"name": f"a key of {person.name}", "user": person.name, "scopes": ["ingest"]}
    assert stack.http.post("/api/keys", json=key).status_code == 201
    key = {"name": "a key of two", "users": [person.name, "carl"], "scopes": ["read"]}
    assert stack.http.post("/api/keys", json=key).status_code == 201
    assert stack.http.patch(f"/api/users/{person.name}", json={"name": person("new name")}).status_code == 200


def fill(stack: Stack, person: Person) -> None:
    for way in (by_events, by_capture, by_import, in_a_worktree, before_retention, exported, beside):
        way(stack, person)
    settle(stack)


def settle(stack: Stack) -> None:
    waiting = "SELECT (SELECT count(*) FROM hook_payloads) + (SELECT count(*) FROM transcript_files WHERE parsed_offset < stored_offset)"
    assert wait_until(lambda: stack.http.get("/api/accounting").json()["pending"] == 0, SECONDS)
    assert wait_until(lambda: stack.select(waiting) == [(0,)] and stack.is_searchable(), SECONDS)


def numbers_of(stack: Stack, person: Person) -> dict[str, Any]:
    """Everything that the API counts and shows of a person."""
    user = person.texts.get("new name", person.name)
    answers = [f"/api/stats?user={user}", f"/api/usage?user={user}", f"/api/sessions?user={user}", f"/api/tool-calls/stats?user={user}"]
    answers += [f"/api/sessions/{each}/timeline" for each in person.sessions.values()]
    return {path: stack.http.get(path).json() for path in answers}


def end_sessions(stack: Stack, person: Person) -> None:
    """None is left that the sweep could close as idle, at whatever moment."""

    def open_ones() -> list[str]:
        found = stack.http.get("/api/sessions", params={"user": person.texts.get("new name", person.name), "limit": 200}).json()
        return [session["session_id"] for session in found["items"] if session["status"] == "open"]

    for session_id in open_ones():
        post(stack, "/api/sessions/end", {"session_id": session_id})
    settle(stack)
    assert open_ones() == []


def rows_of(stack: Stack, person: Person) -> dict[str, list[str]]:
    with psycopg.connect(stack.database_url) as connection:
        found = tables(connection)
    user = person.texts.get("new name", person.name)
    return {table: [row for row in rows if f'"u": "{user}"' in row] for table, rows in found.items()}


@pytest.fixture
def own_stack(tmp_path: Path, postgres_url: str, redis_server_url: str) -> Iterator[Stack]:
    """One with an archive and uploads in folders of its own."""
    settings = {"TRACKER_ARCHIVE_URL": (tmp_path / "archive").as_uri(), "TRACKER_BLOB_URL": (tmp_path / "blobs").as_uri()}
    with running_stack(tmp_path, postgres_url, redis_server_url, 16, **settings) as running:
        yield running


def test_an_erased_person_is_nowhere(own_stack: Stack, postgres_server: Server, redis_server: Server) -> None:
    # Given all that two people sent, by every door
    ann, bob = Person(1), Person(2)
    fill(own_stack, ann)
    fill(own_stack, bob)
    end_sessions(own_stack, bob)
    assert len(ann.texts) >= 50
    stores = Stores(own_stack, postgres_server, redis_server)
    everywhere = stores.places_of(ann.texts.values())
    # A value that is hashed into ids is in no store as it came. A row that retention has dropped may be in files only.
    hashed = {ann.texts[what] for what in ann.texts if "uuid" in what or "message" in what.split()[1:] or what.endswith(" call")}
    hashed |= {ann.texts[what] for what in ann.texts if what.startswith("dropped")}
    assert set(ann.texts.values()) - everywhere.keys() <= hashed
    before, rows_before = numbers_of(own_stack, bob), rows_of(own_stack, bob)

    # When she is erased while hooks of hers wait in the journal
    headers = {"Content-Type": "application/json", "X-Tracker-Machine": ann.machine}
    own_stack.http.post(f"/api/hooks?user={ann.name}", content=hook(ann, "UserPromptSubmit", prompt=ann("waiting prompt")), headers=headers)
    body = {"what": {"user": ann.name}, "confirm": ann.name}
    location = own_stack.http.post("/api/erasures", json=body).headers["location"]
    assert wait_until(lambda: own_stack.http.get(location).json()["status"] not in ("queued", "running"), 3 * SECONDS)
    erasure = own_stack.http.get(location).json()
    assert erasure["status"] == "succeeded", erasure

    # Then nothing of hers is in any store but the logs, which the report names
    assert stores.places_of(ann.texts.values(), logs=False) == {}
    assert {"backups", "replicas", "logs", "copies", "machines"} == erasure["remains"].keys()
    # And everything of his is as it was, and the sums agree with the rows
    assert numbers_of(own_stack, bob) == before
    assert rows_of(own_stack, bob) == rows_before
    assert differences(own_stack) == {}
    # Nor is an archive of an export, and the key of two is of the other alone
    assert own_stack.select("SELECT FROM exports WHERE blob_url IS NOT NULL") == []
    assert ("carl",) in own_stack.select("SELECT user_name FROM api_keys WHERE name = 'a key of two' AND revoked_at IS NULL")

    # When more of hers comes late, by every door
    late(own_stack, ann)

    # Then it stays out. Only the name of the uploaded file stood in a row for a moment, and Postgres' files keep what was replaced for a while
    found = stores.places_of(ann.texts.values(), logs=False)
    kept = {place for places in found.values() for place in places}
    assert {place for place in kept if not place.endswith(" of Postgres")} == set()
    assert own_stack.http.get("/api/accounting").json()["drift"] == 0

    # When her tombstone is lifted, then it may come in again
    name = {"what": {"user": ann.name}}
    assert own_stack.http.post("/api/tombstones/lift", json=name).status_code == 200
    by_import(own_stack, ann)
    assert own_stack.http.get(f"/api/sessions/{ann.sessions['import']}").status_code == 200


def late(stack: Stack, person: Person) -> None:
    """The things that a machine, a client and a person still send. Each is refused, or accepted and left out."""
    session_id = person.sessions["capture"]
    machine = {"X-Tracker-Machine": person.machine}
    answers = [
        stack.http.post("/api/sessions/start", json={"project_path": person.path, "user": person.name}),
        stack.http.post(
            f"/api/hooks?user={person.name}",
            content=hook(person, "UserPromptSubmit", prompt="late"),
            headers=machine | {"Content-Type": "application/json"},
        ),
        stack.http.put(
            f"/api/transcripts/{session_id}",
            params={"file": f"{session_id}.jsonl", "offset": 0},
            content=transcript(person, "capture"),
            headers=machine | {"Content-Type": "application/x-ndjson"},
        ),
        stack.http.put(f"/api/machines/{person.machine}", json={"name": person("machine's name"), "user": person.name}),
    ]
    assert [answer.json()["code"] for answer in answers] == ["ERASED"] * len(answers)
    # An exporter knows no 410: it is told in the partial success.
    assert "erased" in told(stack, person).json()["partialSuccess"]["errorMessage"]
    name = f"{person.sessions['import']}.jsonl"
    files = [("file", (name, transcript(person, "import")))]
    imported = stack.http.post("/api/import/claude-data", files=files, headers={"Prefer": "wait=50"}).json()
    assert imported["skipped_records"]["erased or expired"] > 0
    assert stack.http.post("/api/reparse", json={}).status_code in (202, 404)
    settle(stack)


def differences(stack: Stack) -> dict[str, int]:
    """Cells that differ from the rows, by aggregate."""

    worker = open_resources(Settings(database_url=stack.database_url, redis_url=stack.environment["TRACKER_REDIS_URL"]))
    try:
        with worker.connection() as connection:
            return {name: cells for name, cells in verify.verify(connection, worker.idle_gap).items() if cells}
    finally:
        worker.close()


def test_the_erase_command_counts_in_a_dry_run_and_then_erases(stack: Stack, tracker: Run) -> None:
    # Given a session
    session_id = str(uuid4())
    post(stack, "/api/sessions/start", {"session_id": session_id, "project_path": "/home/erased", "user": "carl"})
    post(stack, "/api/conversations", {"session_id": session_id, "role": "user", "content": "to be erased"})

    # When it is counted, then it is there
    counted = tracker("erase", "session", session_id, "--dry-run")
    assert counted.returncode == 0, counted.stderr
    assert counted.stdout.startswith("Nothing is erased. This would go: ")
    assert "1 messages" in counted.stdout
    assert "1 sessions" in counted.stdout
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 200

    # When another name is given, then nothing goes
    assert tracker("erase", "session", session_id, "--confirm", "x").returncode == 1
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 200

    # When it is erased, then it is gone, and the report says what may still have it
    gone = tracker("erase", "session", session_id, "--confirm", session_id)
    assert gone.returncode == 0, gone.stderr
    assert "backups: Backups from before" in gone.stdout
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 404

    # And a process that looked just before knows of the tombstone within seconds
    def started() -> int:
        return stack.http.post("/api/sessions/start", json={"session_id": session_id, "project_path": "/home/erased"}).status_code

    assert wait_until(lambda: started() == 410, SECONDS)

    # When its tombstone is lifted, then the session may begin again
    assert tracker("erase", "session", session_id, "--lift").returncode == 0
    assert started() == 201
