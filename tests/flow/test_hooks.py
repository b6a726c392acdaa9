"""Hooks over HTTP, as curl or an HTTP hook sends them, are enough: sessions, prompts, replies, tool calls and edits, without a transcript."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import Stack
from tests.integration.worker.capture.hook_session import HOOKS
from tests.unit.worker.importers.transcript.rows_of_a_session import START

SECONDS = 60


def of_new_session() -> tuple[str, list[dict[str, Any]]]:
    """A session's payloads, with an id and tool calls of its own, and when each hook ran."""
    session_id, run = str(uuid4()), uuid4().hex
    payloads = [payload | {"tracker_at": (START + timedelta(seconds=seconds)).isoformat()} for seconds, payload in HOOKS]
    renamed = json.loads(json.dumps(payloads).replace("toolu_", f"toolu_{run}_"))
    return session_id, [payload | {"session_id": session_id} for payload in renamed]


def test_payloads_of_hooks_become_a_session_that_the_api_shows(stack: Stack) -> None:
    session_id, payloads = of_new_session()

    # When half of them come as they are, and the others as lines of one body, some of which came before
    for payload in payloads[:13]:
        answer = stack.http.post("/api/hooks", json=payload)
        assert (answer.status_code, answer.content) == (204, b"")
    lines = "".join(json.dumps(payload) + "\n" for payload in payloads[10:])
    answer = stack.http.post("/api/hooks", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert (answer.status_code, answer.content) == (204, b"")

    # Then the session is there, once
    def shown() -> dict[str, Any]:
        answer = stack.http.get(f"/api/sessions/{session_id}")
        return answer.json() if answer.status_code == 200 else {}

    assert wait_until(lambda: shown().get("status") == "ended", SECONDS)
    expected = {
        "title": "fix the bug in a.py",
        "end_reason": "prompt_input_exit",
        "messages_count": 5,
        "tool_calls_count": 8,
        "tool_errors_count": 3,
        "files_modified_count": 2,
        "lines_added": 4,
        "lines_removed": 1,
        "input_tokens": 0,
        "source": "hook",
    }
    assert shown() | expected == shown()
    calls = stack.http.get(f"/api/tool-calls?session_id={session_id}").json()["items"]
    assert sorted(call["execution_time_ms"] or 0 for call in calls) == [0, 3, 5, 7, 30, 2400, 15_600, 120_010]


def test_with_a_preference_to_wait_a_session_of_hooks_can_be_read_at_once(stack: Stack) -> None:
    session_id, payloads = of_new_session()

    answer = stack.http.post("/api/hooks", json=payloads[0], headers={"Prefer": "wait=30"}, timeout=SECONDS)

    assert (answer.status_code, answer.content, answer.headers["preference-applied"]) == (204, b"", "wait=30")
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 200


def test_with_a_preference_to_wait_a_session_of_a_transcript_can_be_read_at_once(stack: Stack) -> None:
    session_id = str(uuid4())
    line = {"type": "user", "uuid": str(uuid4()), "sessionId": session_id, "cwd": "/home/me/p", "timestamp": "2026-11-23T09:00:00.000Z"}
    body = json.dumps(line | {"message": {"role": "user", "content": "Why?"}}) + "\n"

    answer = stack.http.put(
        f"/api/transcripts/{session_id}",
        params={"file": f"{session_id}.jsonl", "offset": 0},
        content=body,
        headers={"Content-Type": "application/x-ndjson", "Prefer": "wait=30"},
        timeout=SECONDS,
    )

    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=30")
    assert stack.http.get(f"/api/sessions/{session_id}").json()["messages_count"] == 1
