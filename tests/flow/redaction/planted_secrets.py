"""A secret of its own in every text of every write route: what a version without rules of redaction would have stored."""

import json
import random
from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

from deploy.embedded.supervision.processes import wait_until
from tests import telemetry
from tests.flow.conftest import Stack

SECONDS: Final = 60
_ALPHABET: Final = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
KNOWN, UNKNOWN = "known", "unknown"
# Words that nobody says, and that look like no key.
_SYLLABLES: Final = ("bdfgklmnprstvz", "aeiou") * 3
_NDJSON: Final = {"Content-Type": "application/x-ndjson", "X-Tracker-Machine": "planted-machine"}
_JSON: Final = {"Content-Type": "application/json", "X-Tracker-Machine": "planted-machine"}


class Secrets:
    """Makes secrets, and knows by which field each came. With `kinds=KNOWN` a rule knows them; with UNKNOWN none does.

    Tests whose servers are the same need seeds of their own.
    """

    def __init__(self, kinds: str = KNOWN, seed: int = 1) -> None:
        self.by_secret: dict[str, str] = {}
        self._kinds = kinds
        self._random = random.Random(seed)

    def __call__(self, field: str) -> str:
        if self._kinds == KNOWN:
            secret = "ghp_" + "".join(self._random.choices(_ALPHABET, k=36))
        else:
            secret = "-".join("".join(self._random.choice(letters) for letters in _SYLLABLES) for _ in range(3))
        self.by_secret[secret] = field
        return secret

    def found_in(self, content: bytes) -> set[str]:
        """The fields whose secrets are in it."""
        return {field for secret, field in self.by_secret.items() if secret.encode() in content}


def plant_everywhere(stack: Stack, plant: Secrets) -> list[str]:
    """Returns when everything is stored and indexed. The ids of the sessions."""
    sessions = [_by_events(stack, plant), _by_capture(stack, plant), _by_import(stack, plant)]
    _beside_sessions(stack, plant, sessions[0])
    waiting = "SELECT (SELECT count(*) FROM hook_payloads) + (SELECT count(*) FROM transcript_files WHERE parsed_offset < stored_offset)"
    assert wait_until(lambda: stack.select(waiting) == [(0,)] and stack.is_searchable(), SECONDS)
    return sessions


def _by_events(stack: Stack, plant: Secrets) -> str:
    session_id = str(uuid4())
    start = {name: plant(f"start.{name}") for name in ("user", "git_branch", "model", "client_version", "source")}
    _accepted(stack, "/api/sessions/start", start | {"session_id": session_id, "project_path": f"/home/{plant('start.project_path')}/x"})
    taken = str(uuid4())
    events: list[tuple[str, dict[str, Any]]] = [
        (
            "conversation",
            {
                "role": "user",
                "content": f"words {plant('conversation.content')} words",
                "source": plant("conversation.source"),
                "id": taken,
            },
        ),
        (
            "conversation",
            {"role": "assistant", "content": "x", "model": plant("conversation.model"), "usage": {"input_tokens": 5}},
        ),
        ("activity", {"file_path": f"/x/{plant('activity.file_path')}", "action": "created", "source": plant("activity.source")}),
        (
            "tool_call",
            {
                "tool_name": plant("tool_call.tool_name"),
                "result_status": "error",
                "parameters": {"command": plant("tool_call.parameters"), plant("tool_call.parameters key"): 1},
                "result": {"text": plant("tool_call.result"), "media": [{"type": plant("tool_call.result.media")}]},
                "user": plant("tool_call.user"),
                "source": plant("tool_call.source"),
            },
        ),
    ]
    paths = {"conversation": "/api/conversations", "activity": "/api/activities", "tool_call": "/api/tool-calls"}
    for kind, event in events:
        _accepted(stack, paths[kind], event | {"session_id": session_id})
    # The same id with another text is a dead letter.
    conflict = {"session_id": session_id, "role": "user", "content": f"other {plant('dead letter')}", "id": taken}
    stack.http.post("/api/conversations", json=conflict, headers={"Prefer": "wait=20"})
    batch = [{"type": "conversation", "session_id": session_id, "role": "user", "content": plant("batch.content")}]
    assert stack.http.post("/api/events", json=batch, headers={"Prefer": "wait=20"}).status_code == 200
    _accepted(stack, "/api/sessions/end", {"session_id": session_id, "source": plant("end.source")})
    assert wait_until(lambda: stack.select("SELECT count(*) FROM dead_letters") == [(1,)], SECONDS)
    return session_id


def _by_capture(stack: Stack, plant: Secrets) -> str:
    session_id = str(uuid4())
    call = {"tool_name": "Bash", "tool_use_id": "toolu_planted_hook", "tool_input": {"command": plant("hook.tool_input")}}
    hooks = [
        {"hook_event_name": "SessionStart", "source": "startup", "model": plant("hook.model")},
        {"hook_event_name": "UserPromptSubmit", "prompt": f"please {plant('hook.prompt')}"},
        {"hook_event_name": "PreToolUse"} | call,
        {"hook_event_name": "PostToolUse", "tool_response": {"stdout": plant("hook.tool_response")}} | call,
        {"hook_event_name": "Notification", "message": plant("hook.message"), "notification_type": "permission_prompt"},
    ]
    for hook in hooks:
        content = json.dumps(
            {"session_id": session_id, "cwd": f"/home/{plant('hook.cwd')}", "transcript_path": f"/t/{plant('hook.path')}"} | hook
        )
        answer = stack.http.post(f"/api/hooks?user={plant('hook.user')}", content=content.encode(), headers=_JSON)
        assert answer.status_code == 204, answer.text
    told = telemetry.event(
        "api_error", 1, session=session_id, error=plant("signal.error"), model=plant("signal.model"), prompt__id=plant("signal.prompt")
    )
    answer = stack.http.post(f"/v1/logs?user={plant('signal.user')}", json=telemetry.logs(told))
    assert answer.json() == {}, answer.text
    _now(stack, plant)
    content = b"".join(transcript(session_id, plant, "range"))
    files = {f"{session_id}.jsonl": content, f"subagents/agent-{plant('range.file')}.jsonl": b'{"type":"x"}\n'}
    for name, lines in files.items():
        user = plant("range.user")
        answer = stack.http.put(
            f"/api/transcripts/{session_id}", params={"file": name, "offset": 0, "user": user}, content=lines, headers=_NDJSON
        )
        assert answer.status_code == 200, answer.text
    stored = f"SELECT count(*) FROM messages WHERE session_id = '{session_id}'"
    assert wait_until(lambda: int(str(stack.select(stored)[0][0])) >= 2, SECONDS)
    return session_id


def _now(stack: Stack, plant: Secrets) -> None:
    """Sessions that wait for a permission and that failed: the live feed and the list of open sessions show the command and the error."""
    waits, failed = str(uuid4()), str(uuid4())
    call = {"tool_name": "Bash", "tool_use_id": "toolu_planted_now", "tool_input": {"command": f"cat {plant('now.tool_input')}"}}
    broken = call | {"tool_use_id": "toolu_planted_error", "error": f"Exit code 1 {plant('now.error')}"}
    for session_id, hook in (
        (waits, {"hook_event_name": "PreToolUse"} | call),
        (waits, {"hook_event_name": "PermissionRequest"} | call),
        (failed, {"hook_event_name": "PostToolUseFailure"} | broken),
        (failed, {"hook_event_name": "StopFailure", "error": "overloaded"}),
    ):
        content = json.dumps({"session_id": session_id, "cwd": "/home/now"} | hook)
        assert stack.http.post("/api/hooks?user=now", content=content.encode(), headers=_JSON).status_code == 204

    shown = {"now.tool_input", "now.error"}
    assert wait_until(lambda: shown <= plant.found_in(stack.http.get("/api/live/sessions").content), SECONDS)


def _by_import(stack: Stack, plant: Secrets) -> str:
    session_id = str(uuid4())
    broken = f'{{"type":"user","{plant("import.broken line")}\n'.encode()
    unknown = json.dumps({"type": plant("import.type of record"), "sessionId": session_id}).encode() + b"\n"
    history = {"display": plant("history.display"), "pastedContents": {}}
    home = {"numStartups": 1, "projects": {f"/home/{plant('claude.json project')}": {"history": [history]}}}
    files = [
        ("file", (f"{plant('import.file')}.jsonl", b"".join(transcript(session_id, plant, "import")) + unknown + broken)),
        ("file", ("claude.json", json.dumps(home).encode())),
    ]
    answer = stack.http.post("/api/import/claude-data", files=files, data={"user": plant("import.user")}, headers={"Prefer": "wait=50"})
    assert answer.json()["status"] == "succeeded", answer.text
    return session_id


def _beside_sessions(stack: Stack, plant: Secrets, session_id: str) -> None:
    marks = {"tags": [plant("mark.tag")], "note": plant("mark.note"), "title": plant("mark.title")}
    assert stack.http.patch(f"/api/sessions/{session_id}", json=marks).status_code == 200
    expiring = {"session_id": "s", "file": f"{plant('machine.file')}.jsonl", "bytes": 1, "project_path": f"/{plant('machine.project')}"}
    expiring |= dict.fromkeys(("changed_at", "deleted_after"), "2026-11-20T10:00:00Z")
    names = ("name", "user", "tracker_version", "claude_version", "os", "last_error")
    report = {name: plant(f"machine.{name}") for name in names} | {"expiring": [expiring]}
    view = {"name": plant("view.name"), "address": f"/search?q={plant('view.address')}"}
    assert stack.http.post("/api/views", json=view).status_code == 201
    assert stack.http.put("/api/machines/planted-machine", json=report).status_code == 200
    key = {"name": plant("key.name"), "user": plant("key.user"), "scopes": ["ingest"]}
    assert stack.http.post("/api/keys", json=key).status_code == 201
    _accepted(stack, "/api/sessions/start", {"project_path": "/home/renamed", "user": "renamed-by-plant"})
    assert stack.http.patch("/api/users/renamed-by-plant", json={"name": plant("user.name")}).status_code == 200


def transcript(session_id: str, plant: Secrets, way: str) -> Iterator[bytes]:
    """A prompt, thinking, a text, a call with its result, a summary: the texts of each with a secret."""
    call_id = f"toolu_{uuid4().hex}"
    said = [
        {"type": "thinking", "thinking": plant(f"{way}.thinking"), "signature": "x"},
        {"type": "text", "text": plant(f"{way}.text")},
        {"type": "tool_use", "id": call_id, "name": "Bash", "input": {"command": plant(f"{way}.input")}},
    ]
    given = [{"type": "tool_result", "tool_use_id": call_id, "content": plant(f"{way}.result")}]
    messages: list[dict[str, Any]] = [
        {"type": "user", "message": {"role": "user", "content": plant(f"{way}.prompt")}},
        {
            "type": "assistant",
            "message": {"role": "assistant", "id": f"msg_{uuid4().hex}", "model": plant(f"{way}.model"), "content": said}
            | {"usage": {"input_tokens": 3, "output_tokens": 4}},
        },
        {"type": "user", "message": {"role": "user", "content": given}, "toolUseResult": {"stdout": plant(f"{way}.stdout")}},
    ]
    names = {"cwd": f"/home/{plant(f'{way}.cwd')}", "gitBranch": plant(f"{way}.branch"), "version": plant(f"{way}.version")}
    for number, message in enumerate(messages):
        row = message | names | {"uuid": str(uuid4()), "sessionId": session_id, "timestamp": f"2026-11-20T10:00:0{number}.000Z"}
        yield json.dumps(row).encode() + b"\n"
    yield json.dumps({"type": "custom-title", "customTitle": plant(f"{way}.title"), "sessionId": session_id}).encode() + b"\n"


def _accepted(stack: Stack, path: str, body: dict[str, Any]) -> None:
    answer = stack.http.post(path, json=body, headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json().get("status", "persisted")) == (201, "persisted") or answer.status_code == 200, answer.text
