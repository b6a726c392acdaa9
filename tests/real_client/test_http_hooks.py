"""Hooks as the document tells to register them: the real client sends them over HTTP, and nothing else is installed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.docs.documents import ROOT
from tests.flow.conftest import Stack, running_stack
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.scripted_session import FAILURES, TOOL_CALLS, scripted_session
from tests.skips import needs

pytestmark = [needs("Claude Code"), needs("tmux")]


@pytest.fixture
def stack(postgres_url: str, redis_server_url: str, tmp_path: Path) -> Iterator[Stack]:
    """One that nothing else writes to."""
    folder = tmp_path / "stack"
    folder.mkdir()
    with running_stack(folder, postgres_url, redis_server_url, 7, TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        yield running


def test_the_documents_settings_send_a_session(claude_home: ClaudeHome, stack: Stack) -> None:
    # Given the document's settings, with the address of this stack
    document = (ROOT / "docs/how-to/hooks.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```json\n(.*?)```", document, re.DOTALL)
    settings = json.loads(claude_home.settings_file.read_text())
    hooks = json.loads(block.replace("http://localhost:8000", str(stack.http.base_url).rstrip("/")))["hooks"]
    # Without keys, as the document says
    for [registered] in hooks.values():
        [hook] = registered["hooks"]
        hook.pop("headers", None)
        hook["command" if "command" in hook else "url"] = re.sub(r'-H "Authorization[^"]*" ', "", hook.get("command") or hook["url"])
    claude_home.settings_file.write_text(json.dumps(settings | {"hooks": hooks}))

    # When a person works
    scripted = scripted_session(claude_home)

    # Then the sessions are there, with all tool calls, and no tokens
    def shown(session_id: str | None) -> dict[str, object]:
        answer = stack.http.get(f"/api/sessions/{session_id}")
        return dict(answer.json()) if answer.status_code == 200 else {}

    assert wait_until(lambda: shown(scripted.after_clear_id).get("status") == "ended", 60)
    assert wait_until(lambda: shown(scripted.session_id).get("tool_calls_count") == TOOL_CALLS, 60)
    found = shown(scripted.session_id)
    assert (found["tool_errors_count"], found["input_tokens"], found["end_reason"]) == (FAILURES, 0, "other")
    assert (found["title"], found["project_name"]) == ("Write the parts of the shop.", claude_home.project.name)
    assert [shown(id)["end_reason"] for id in (scripted.cleared_id, scripted.after_clear_id)] in (
        ["clear", "prompt_input_exit"],
        ["prompt_input_exit", "clear"],
    )
    calls = stack.http.get("/api/tool-calls", params={"session_id": scripted.session_id, "limit": 1000}).json()["items"]
    assert {call["result_status"] for call in calls} == {"success", "error"}
