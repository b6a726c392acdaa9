"""A made-up home with what Claude Code would keep in it: one session a transcript, small, of our own invention."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4


@dataclass(frozen=True)
class ClaudeHome:
    """`~` of a person. All that is written has fresh ids, so that nothing of another test is met again."""

    path: Path

    def transcript(self, prompts: int = 1, *, session_id: str | None = None) -> Path:
        """A session of so many prompts; each is answered with a command that is run."""
        session_id = session_id or str(uuid4())
        path = self.path / ".claude/projects" / "-home-ann-shop" / f"{session_id}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        self.grow(path, prompts)
        return path

    def grow(self, path: Path, prompts: int = 1) -> None:
        """Goes on with a session."""
        with path.open("a") as file:
            for _ in range(prompts):
                file.writelines(json.dumps(row) + "\n" for row in turn(path.stem))

    def history(self) -> Path:
        path = self.path / ".claude/history.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        row = {"display": f"hello {uuid4()}", "pastedContents": {}, "timestamp": 1795000000000, "project": "/home/ann/shop"}
        path.write_text(json.dumps(row) + "\n")
        return path

    def claude_json(self) -> Path:
        path = self.path / ".claude.json"
        project = {"lastSessionId": str(uuid4()), "lastCost": 0.5, "lastTotalInputTokens": 7}
        path.write_text(json.dumps({"numStartups": 3, "projects": {f"/home/ann/{uuid4().hex}": project}}))
        return path


def turn(session_id: str) -> list[dict[str, Any]]:
    """A prompt, a command, its output, a last word."""
    call = f"toolu_{uuid4().hex}"
    command = {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": "make test"}}
    output = {"type": "tool_result", "tool_use_id": call, "content": "all green"}
    return [
        _row(session_id, 0, "user", {"role": "user", "content": f"run the tests {uuid4()}"}),
        _row(session_id, 2, "assistant", _reply(command)),
        _row(session_id, 5, "user", {"role": "user", "content": [output]}),
        _row(session_id, 7, "assistant", _reply({"type": "text", "text": "They pass."})),
    ]


def _row(session_id: str, second: int, kind: str, message: dict[str, Any]) -> dict[str, Any]:
    envelope = {"uuid": str(uuid4()), "parentUuid": None, "sessionId": session_id, "timestamp": f"2026-11-20T10:00:{second:02}.000Z"}
    where = {"cwd": "/home/ann/shop", "gitBranch": "main", "version": "2.1.42", "isSidechain": False, "userType": "external"}
    return envelope | where | {"type": kind, "message": message}


def _reply(block: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 3, "output_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-6",
        "content": [block],
        "usage": usage,
    }
