"""Sessions that hooks and transcripts tell of, step by step, and the states that are shown."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from services.query.answers.lists import Session
from services.query.answers.live import LiveSession
from services.query.queries.lists.live_sessions import live_sessions
from services.query.queries.lists.projects import ALL_PROJECTS
from services.query.queries.lists.sessions import session
from services.worker.resources import Resources
from shared.events.readings import Reading, SessionFile
from tests.integration.worker.capture.captured import put_range, read_all
from tests.integration.worker.capture.hook_session import put_hooks
from tests.integration.worker.journal_entries import store

Step = tuple[float, str, dict[str, Any]]
BASH = {"tool_name": "Bash", "tool_use_id": "toolu_1", "tool_input": {"command": "make"}}
REFUSAL = "The user doesn't want to proceed with this tool use. The tool use was rejected."


def hook(seconds: float, name: str, **fields: Any) -> Step:
    return seconds, "hook", {"hook_event_name": name, "cwd": "/home/ann/app"} | fields


def line(seconds: float, kind: str, content: Any, **fields: Any) -> Step:
    message = {"id": f"msg_{seconds}", "role": kind, "model": "claude-opus-4-6", "content": content}
    return seconds, "line", {"type": kind, "uuid": str(uuid4()), "cwd": "/home/ann/app", "isSidechain": False, "message": message} | fields


PROMPT = hook(0, "UserPromptSubmit", prompt="make it")
CALL = hook(2, "PreToolUse", **BASH)
ASKED = hook(8, "Notification", notification_type="permission_prompt", message="Claude needs your permission")
CALL_LINE = line(1.9, "assistant", [{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "make"}}])
REFUSED_LINE = line(12, "user", [{"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True, "content": REFUSAL}])
INTERRUPTED_LINE = line(12, "user", [{"type": "text", "text": "[Request interrupted by user for tool use]"}])
STOP = hook(20, "Stop", last_assistant_message="Made.", background_tasks=[])
FAILED = hook(20.1, "StopFailure", error="overloaded")


def bring(worker: Resources, session_id: str, steps: list[Step], start: datetime) -> None:
    """Stores what hooks and transcripts say, in this order, and reads it."""
    with worker.transaction() as connection:
        for seconds, source, content in steps:
            if source == "hook":
                put_hooks(connection, [(seconds, content | {"session_id": session_id})], start=start)
            else:
                row = content | {"sessionId": session_id, "timestamp": (start + timedelta(seconds=seconds)).isoformat()}
                agent_id = content.get("agentId")
                file_name = f"subagents/agent-{agent_id}.jsonl" if agent_id else None
                put_range(connection, session_id, json.dumps(row).encode() + b"\n", file_name=file_name)
        connection.execute("UPDATE transcript_ranges SET received_at = now()")
        connection.execute("UPDATE hook_payloads SET received_at = now()")
    read_all(worker)


def listed(worker: Resources, session_id: str) -> LiveSession | None:
    """As GET /api/live/sessions has it."""
    with worker.transaction() as connection:
        found = {row.session_id: row for row in live_sessions(connection, ALL_PROJECTS, None, None)}
    return found.get(session_id)


def open_one(worker: Resources, session_id: str) -> LiveSession:
    """The session, which is listed."""
    row = listed(worker, session_id)
    assert row is not None
    return row


def file(
    read: float, status: str | None, since: float | None = None, *, waits: str | None = None, pid: int = 1, gone: bool = False
) -> Step:
    """A file of a process, as it was read so many seconds after the start."""
    told = {"pid": pid, "status": status, "waiting_for": waits, "status_since": read if since is None else since, "is_alive": not gone}
    return read, "file", told


def tell(worker: Resources, session_id: str, steps: list[Step], start: datetime, machine: str | None = None) -> None:
    """Brings each step by its own way, in this order. Each session has a machine of its own unless one is named."""
    for step in steps:
        if step[1] != "file":
            bring(worker, session_id, [step], start)
            continue
        seconds, _, told = step
        body = SessionFile(
            session_id=session_id,
            pid=told["pid"],
            status=told["status"],
            waiting_for=told["waiting_for"],
            status_updated_at=start + timedelta(seconds=told["status_since"]),
            is_alive=told["is_alive"],
            read_at=start + timedelta(seconds=seconds),
            machine_id=machine or session_id,
        )
        store(worker, received_at=datetime.now(UTC), readings=[Reading(id=uuid4(), body=body)])


def shown_alone(worker: Resources, session_id: str) -> Session:
    """As GET /api/sessions/{id} has it."""
    with worker.transaction() as connection:
        found = session(connection, session_id)
    assert found is not None
    return found


def begun() -> tuple[str, datetime]:
    return str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)
