"""The real client does what the script says: what the tests of capture rest on."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import Failure, say, use
from tests.real_client.scripted_session import FAILURES, TOOL_CALLS, scripted_session
from tests.skips import needs

pytestmark = [needs("Claude Code"), needs("tmux")]


def tool_uses(transcripts: list[Path]) -> list[dict[str, Any]]:
    """The tool calls of the files."""
    rows = [json.loads(line) for path in transcripts for line in path.read_text().splitlines()]
    contents = [row["message"]["content"] for row in rows if row["type"] == "assistant"]
    return [block for content in contents for block in content if block["type"] == "tool_use"]


def test_the_scripted_session_is_in_transcripts_and_hooks(claude_home: ClaudeHome) -> None:
    claude_home.record_hooks()

    scripted = scripted_session(claude_home)

    # Then the transcripts have all tool calls of the session, its subagent's in a file of its own
    of_session = [path for path in claude_home.transcripts() if scripted.session_id in str(path)]
    assert len(tool_uses(of_session)) == TOOL_CALLS
    assert [path.parent.name for path in of_session if path.stem.startswith("agent-")] == ["subagents"]

    # And the hooks say the same
    hooks = [payload for _, payload in claude_home.recorded_hooks() if payload["session_id"] == scripted.session_id]
    names = Counter(payload["hook_event_name"] for payload in hooks)
    assert (names["PreToolUse"], names["PostToolUse"], names["PostToolUseFailure"]) == (TOOL_CALLS, TOOL_CALLS - FAILURES, FAILURES)
    assert [payload["source"] for payload in hooks if payload["hook_event_name"] == "SessionStart"] == ["startup", "resume"]

    # And /clear ended one session and began another
    ends = [(payload["session_id"], payload.get("reason")) for _, payload in claude_home.recorded_hooks()]
    assert (scripted.cleared_id, "clear") in ends
    assert (scripted.after_clear_id, "prompt_input_exit") in ends


def test_the_client_tries_again_after_an_error_of_the_api(claude_home: ClaudeHome) -> None:
    run = claude_home.run("Hello.", [Failure(), [use("Bash", command="echo hello", description="Say it")], [say("Said.")]])

    assert run.answer["result"] == "Said."
    assert len(tool_uses(claude_home.transcripts())) == 1
