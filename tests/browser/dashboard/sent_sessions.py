"""Sessions that a module brings into its own tracker: a transcript, or events one by one."""

from datetime import UTC, datetime
from typing import Any

from tests.flow.conftest import Stack


def import_transcript(stack: Stack, session_id: str, transcript: bytes) -> None:
    """Returns when it is stored."""
    job = stack.http.post("/api/import/claude-data", files={"file": (f"{session_id}.jsonl", transcript)}, timeout=120).json()
    events = stack.http.get(f"/api/import/jobs/{job['job_id']}/events", timeout=120)
    assert stack.http.get(f"/api/import/jobs/{job['job_id']}").json()["status"] == "succeeded", events.text[-500:]


def begin(stack: Stack, session: str, at: datetime | None = None) -> None:
    """Ann's session, in a folder of its own."""
    body = {
        "project_path": f"/home/ann/{session}",
        "user": "ann",
        "session_id": session,
        "start_time": (at or datetime.now(UTC)).isoformat(),
    }
    send(stack, "/api/sessions/start", body)


def say(stack: Stack, session: str, role: str, content: str, at: datetime | None = None) -> None:
    """A message, of now unless told otherwise."""
    body = {"session_id": session, "role": role, "content": content, "timestamp": (at or datetime.now(UTC)).isoformat()}
    send(stack, "/api/conversations", body)


def send(stack: Stack, path: str, body: dict[str, Any]) -> None:
    """An event; returns when it is stored."""
    answer = stack.http.post(path, json=body, headers={"Prefer": "wait=10"})
    assert answer.status_code < 300, answer.text
