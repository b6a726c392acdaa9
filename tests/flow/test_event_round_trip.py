"""Clients read what clients wrote, through every step of the pipeline."""

import json
from uuid import uuid4

import pytest

from tests.flow.conftest import WAIT, Stack, start_session, write_event


def test_a_session_with_all_event_kinds_is_read_as_written(stack: Stack) -> None:
    # Given a session with a message, a file activity and a tool call, that ends
    session, project = start_session(stack)
    write_event(
        stack, "/api/conversations", session_id=session, content="please fix the_login", role="user", timestamp="2026-03-01T10:01:00"
    )
    write_event(stack, "/api/conversations", session_id=session, content="fixed", role="assistant", timestamp="2026-03-01T10:03:00Z",
          usage={"input_tokens": 10, "output_tokens": 5})  # fmt: skip
    write_event(stack, "/api/activities", session_id=session, file_path="src/login.py", action="modified", lines_added=12, lines_removed=3,
          timestamp="2026-03-01T10:04:00Z")  # fmt: skip
    write_event(stack, "/api/tool-calls", session_id=session, tool_name="Bash", parameters={"command": "pytest"}, result_status="error",
          execution_time_ms=250, timestamp="2026-03-01T12:30:00+02:00")  # fmt: skip
    write_event(stack, "/api/sessions/end", session_id=session, end_time="2026-03-01T11:00:00")

    # When it is read back, then the project sums it up
    found = stack.http.get(f"/api/projects/{project}").json()
    assert (found["total_sessions"], found["total_time_minutes"], found["files_modified_count"], found["lines_changed_count"]) == (
        1,
        60,
        1,
        15,
    )
    assert found["last_session"] == "2026-03-01T10:00:00Z"
    assert (found["messages_count"], found["tool_calls_count"], found["active_minutes"]) == (2, 1, 4)

    # And the session shows its own numbers
    item = stack.http.get(f"/api/sessions/{session}").json()
    assert (item["status"], item["end_reason"], item["duration_minutes"], item["active_minutes"]) == ("ended", "explicit", 60, 4)
    assert (item["user"], item["messages_count"], item["lines_added"], item["tool_calls_count"]) == ("ann", 2, 12, 1)

    # And each list has its row
    conversations = stack.http.get("/api/conversations", params={"session_id": session}).json()["items"]
    assert [(c["role"], c["content"], c["timestamp"]) for c in conversations] == [
        ("assistant", "fixed", "2026-03-01T10:03:00Z"),
        ("user", "please fix the_login", "2026-03-01T10:01:00Z"),
    ]
    activities = stack.http.get("/api/activities", params={"session_id": session, "file_path": "src/*"}).json()["items"]
    assert [(a["file_path"], a["action"], a["lines_added"]) for a in activities] == [("src/login.py", "modified", 12)]
    (call,) = stack.http.get(f"/api/tool-calls/session/{session}").json()["items"]
    assert (call["tool_name"], call["parameters"], call["result_status"]) == ("Bash", {"command": "pytest"}, "error")

    # And search finds a part of an identifier
    hits = stack.http.get("/api/conversations/search", params={"q": "login", "project_id": project}).json()
    assert [hit["session_id"] for hit in hits["items"]] == [session]

    # And the stats of that day know all of it
    stats = stack.http.get(f"/api/projects/{project}/stats", params={"start_date": "2026-03-01", "end_date": "2026-03-01"}).json()
    totals = stats["totals"]
    assert (totals["sessions"], totals["time_minutes"], totals["active_minutes"], totals["messages"], totals["tool_errors"]) == (
        1,
        60,
        4,
        2,
        1,
    )
    assert (totals["input_tokens"], totals["output_tokens"], totals["files_modified"]) == (10, 5, 1)
    assert [(tool["tool_name"], tool["errors"]) for tool in stats["tools"]] == [("Bash", 1)]
    (tool,) = stack.http.get("/api/tool-calls/stats", params={"project_id": project}).json()["tools"]
    assert (tool["calls"], tool["error_rate"], tool["max_ms"]) == (1, 1, 250)
    assert tool["p50_ms"] == pytest.approx(250, rel=0.02)


def test_an_event_is_stored_once_however_often_it_is_sent(stack: Stack) -> None:
    session, project = start_session(stack)
    body = {"session_id": session, "content": "once", "role": "user", "id": str(uuid4())}

    answers = [stack.http.post("/api/conversations", json=body, headers=WAIT).json() for _ in range(3)]

    assert {answer["id"] for answer in answers} == {body["id"]}
    assert stack.http.get(f"/api/projects/{project}").json()["messages_count"] == 1


def test_a_batch_with_a_bad_item_keeps_the_rest(stack: Stack) -> None:
    session = str(uuid4())
    items = [
        {"type": "session_start", "session_id": session, "project_path": f"/batch/{session}", "start_time": "2026-03-02T08:00:00Z"},
        {"type": "conversation", "session_id": session, "role": "nobody", "content": "x"},
        {"type": "tool_call", "session_id": session, "tool_name": "Read", "result_status": "success", "execution_time_ms": 3},
        {"type": "session_end", "session_id": session, "end_time": "2026-03-02T08:30:00Z"},
    ]

    answer = stack.http.post("/api/events", json=items, headers=WAIT)

    assert answer.status_code == 200
    assert answer.json()["accepted"] == 3
    assert [(r["index"], r["code"]) for r in answer.json()["rejected"]] == [(1, "VALIDATION_ERROR")]
    assert stack.http.get(f"/api/sessions/{session}").json()["tool_calls_count"] == 1


def test_the_request_id_goes_from_the_request_to_the_workers_log(stack: Stack) -> None:
    session, _ = start_session(stack)
    request_id = f"flow-{uuid4()}"
    body = {"session_id": session, "content": "follow me", "role": "user"}

    answer = stack.http.post("/api/conversations", json=body, headers=WAIT | {"X-Request-ID": request_id})

    assert answer.headers["x-request-id"] == request_id
    lines = [json.loads(line) for line in (stack.log_folder / "worker.log").read_text().splitlines() if line.startswith("{")]
    assert any(request_id in line.get("request_ids", []) for line in lines if line["event"] == "drained")


def test_no_text_of_a_message_reaches_a_log(stack: Stack) -> None:
    session, _ = start_session(stack)
    write_event(stack, "/api/conversations", session_id=session, content="a private remark", role="user")

    assert not any("a private remark" in path.read_text() for path in stack.log_folder.glob("*.log"))


def test_all_sessions_of_the_day_are_in_the_global_stats(stack: Stack) -> None:
    before = stack.http.get("/api/stats").json()["totals"]["sessions"]
    user = f"u-{uuid4().hex[:8]}"
    start_session(stack, user=user)

    # Others' sessions may come meanwhile
    found = stack.http.get("/api/stats").json()
    assert found["totals"]["sessions"] > before
    assert [each["sessions"] for each in found["users"] if each["user"] == user] == [1]
    assert found["totals"]["sessions"] == sum(each["sessions"] for each in found["users"])
