"""Lines of a transcript as Claude Code writes them."""

from datetime import datetime
from typing import Any


def record(session_id: str, cwd: str, kind: str, record_id: str, at: datetime, message: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A line of the session's own thread."""
    return {
        "sessionId": session_id,
        "cwd": cwd,
        "gitBranch": "main",
        "version": "2.1.219",
        "isSidechain": False,
        "parentUuid": None,
        "type": kind,
        "uuid": record_id,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message": message,
    } | more


def answer_message(name: str, content: list[dict[str, Any]], usage: dict[str, int]) -> dict[str, Any]:
    """A message of Claude's. `name` tells API calls apart."""
    return {"model": "claude-sonnet-5", "id": f"msg_{name}", "type": "message", "role": "assistant", "content": content, "usage": usage}
