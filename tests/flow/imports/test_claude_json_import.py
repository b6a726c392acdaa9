"""A claude.json goes in over HTTP and becomes projects, sessions and prompts, without its secrets."""

import json
from typing import Any
from uuid import uuid4

from tests.flow.conftest import Stack
from tests.flow.imports.canaries import canary, claude_json


def upload(stack: Stack, content: bytes, **headers: str) -> Any:
    return stack.http.post("/api/import/claude-data", files={"file": ("claude.json", content)}, headers=headers)


def test_a_file_is_imported_and_the_same_file_again_adds_nothing(stack: Stack) -> None:
    name = uuid4().hex
    content = json.dumps(claude_json(name)).encode()

    first, second = upload(stack, content), upload(stack, content)

    assert first.status_code == 200, first.text
    counts = ("success", "projects_imported", "sessions_imported", "conversations_imported", "activities_imported", "errors")
    assert [first.json()[c] for c in counts] == [True, 1, 1, 1, 0, []]
    assert [second.json()[c] for c in counts] == [True, 0, 0, 0, 0, []]
    assert second.json()["duplicates"] == 3
    job = stack.http.get(f"/api/import/jobs/{first.json()['job_id']}").json()
    assert (job["status"], job["progress"], job["sessions_imported"]) == ("succeeded", 1, 1)


def test_an_upload_without_waiting_has_a_visible_job(stack: Stack) -> None:
    answer = upload(stack, json.dumps(claude_json(uuid4().hex)).encode(), Prefer="respond-async")

    assert answer.status_code == 202
    assert answer.json()["success"] is None
    assert stack.http.get(answer.headers["location"]).status_code == 200


def test_a_file_of_another_kind_is_refused(stack: Stack) -> None:
    answer = upload(stack, b"\x89PNG, not a claude.json")
    assert (answer.status_code, answer.json()["code"]) == (400, "UNKNOWN_PROJECT_FILE")


def test_no_secret_of_the_file_is_in_the_database_or_a_log(stack: Stack) -> None:
    upload(stack, json.dumps(claude_json(uuid4().hex)).encode())

    tables = stack.select("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables:
        assert stack.select(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%{canary()}%'") == [(0,)], table
    assert not any(canary() in path.read_text() for path in stack.log_folder.glob("*.log"))
