"""A little of everything that the dashboard shows: events of every type, a secret, an event that is refused, an import, a read, an error."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

SESSION = "a-session-that-is-watched"
BATCH: list[dict[str, Any]] = [
    {"type": "session_start", "session_id": SESSION, "project_path": "/home/me/watched"},
    {"type": "conversation", "session_id": SESSION, "role": "user", "content": "the key is AKIAZ3MSJV4WWNKWAG7Q"},
    {"type": "conversation", "session_id": SESSION, "role": "nobody", "content": "this is refused"},
    {"type": "activity", "session_id": SESSION, "file_path": "/home/me/watched/a.py", "action": "modified"},
    {"type": "tool_call", "session_id": SESSION, "tool_name": "Read", "result_status": "success"},
    {"type": "session_end", "session_id": SESSION},
]
CLAUDE_JSON = b'{"projects": {"/home/me/watched": {}}}'
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="claude.json"\r\n\r\n' + CLAUDE_JSON + b"\r\n--x--\r\n"


def make_traffic(url: str, key: str | None = None) -> None:
    """Once through all of it. The key, if one is needed, is an admin's."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    batch = ask(f"{url}/api/events", headers | {"Content-Type": "application/json"}, json.dumps(BATCH).encode())
    assert batch["accepted"] == len(BATCH) - 1, batch
    ask(f"{url}/api/import/claude-data", headers | {"Content-Type": "multipart/form-data; boundary=x"}, FORM)
    ask(f"{url}/api/stats", headers)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        ask(f"{url}/api/sessions/there-is-no-such-session", headers)
    refusal.value.close()
    assert refusal.value.code == 404


def ask(url: str, headers: dict[str, str], body: bytes | None = None) -> Any:
    """The answer, decoded."""
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as answer:
        return json.load(answer)
