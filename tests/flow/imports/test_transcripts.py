"""An archive of transcripts becomes sessions, messages, tool calls, tokens and cost, and can be undone."""

import io
import tarfile
from typing import Any
from uuid import uuid4

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import Stack
from tests.unit.worker.importers.transcript.rows_of_a_session import WHOLE, jsonl

JOB_SECONDS = 60


def archive_of(session_id: str, project: str) -> bytes:
    """A .tar.gz of one session, every id its own."""
    rows = [{**row, "sessionId": session_id} | ({"cwd": project} if "cwd" in row else {}) for row in WHOLE]
    content = jsonl(*rows)
    for name in (b"msg_", b"toolu_", b'"u', b'"a'):
        for number in b"1234":
            content = content.replace(name + bytes([number]) + b'"', name + bytes([number]) + session_id.encode() + b'"')
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        member = tarfile.TarInfo(f"projects/p/{session_id}.jsonl")
        member.size = len(content)
        target.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def upload(stack: Stack, content: bytes) -> dict[str, Any]:
    answer = stack.http.post("/api/import/claude-data", files={"file": ("claude.tar.gz", content)}, headers={"Prefer": "wait=30"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_archive_is_imported_read_and_undone(stack: Stack) -> None:
    session_id, project = uuid4().hex, f"/home/ann/{uuid4().hex}"
    content = archive_of(session_id, project)

    first, second = upload(stack, content), upload(stack, content)

    # Then all of it is there, once
    counts = ("success", "projects_imported", "sessions_imported", "conversations_imported", "tool_calls_imported", "activities_imported")
    assert [first[c] for c in counts] == [True, 1, 1, 4, 2, 1]
    assert [second[c] for c in counts] == [True, 0, 0, 0, 0, 0]
    session = stack.http.get(f"/api/sessions/{session_id}").json()
    named = (
        "title",
        "model",
        "git_branch",
        "messages_count",
        "tool_calls_count",
        "lines_added",
        "input_tokens",
        "api_calls",
        "unpriced_calls",
    )
    assert [session[name] for name in named] == ["A bug fixed", "claude-opus-4-6", "main", 4, 2, 2, 9, 3, 0]
    usage = stack.http.get("/api/usage", params={"project_id": session["project_id"], "group_by": "model"}).json()
    assert [(item["model"], item["api_calls"], item["output_tokens"]) for item in usage["items"]] == [("claude-opus-4-6", 3, 60)]
    assert usage["totals"]["cost_usd"] == session["cost_usd"] > 0

    # When the first job is undone, then the second still speaks for the rows; without both they are gone
    take_back(stack, first["job_id"])
    assert stack.http.get(f"/api/sessions/{session_id}").json()["messages_count"] == 4
    take_back(stack, second["job_id"])
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 404
    # A project's id is for good, since keys are bound to it; without a session it is not listed.
    assert session["project_id"] not in {project["id"] for project in stack.http.get("/api/projects").json()}


def test_impossible_actions_on_a_job_are_refused(stack: Stack) -> None:
    job_id = upload(stack, archive_of(uuid4().hex, "/home/ann/done"))["job_id"]

    for answer in (stack.http.post(f"/api/import/jobs/{job_id}/cancel"), stack.http.post(f"/api/import/jobs/{job_id}/retry")):
        assert (answer.status_code, answer.json()["code"], answer.json()["details"]) == (409, "CONFLICT", {"status": "succeeded"})
    unknown = stack.http.delete(f"/api/import/jobs/{uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "JOB_NOT_FOUND")
    assert stack.http.delete("/api/import/jobs/none").status_code == 400


def take_back(stack: Stack, job_id: str) -> None:
    asked, again = (stack.http.delete(f"/api/import/jobs/{job_id}") for _ in range(2))
    assert (asked.status_code, asked.json()["undoes"]) == (202, job_id)
    assert again.json()["job_id"] == asked.json()["job_id"]
    assert wait_until(lambda: stack.http.get(asked.headers["location"]).json()["status"] == "succeeded", JOB_SECONDS)
