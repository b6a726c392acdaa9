"""Sessions of the real client, as its hooks and as its transcripts tell them: the rows of an import of the transcripts, whatever comes first."""

import json
from pathlib import Path

import pytest

from services.worker.resources import Resources
from tests.integration.worker.all_tables import all_tables, empty, is_verified
from tests.integration.worker.capture.captured import import_files
from tests.integration.worker.capture.hook_session import without_better_knowledge
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import say, use
from tests.real_client.scripted_session import FAILURES, ORDERS, TOOL_CALLS, bring, imported, scripted_session, sessions
from tests.skips import needs

pytestmark = [needs("Claude Code"), needs("tmux")]


@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_the_scripted_session_is_the_same_by_hooks_and_transcripts(
    claude_home: ClaudeHome, worker: Resources, tmp_path: Path, order: tuple[str, str]
) -> None:
    # Given 50 tool calls with edits, failures and a subagent, a resume, and a session that is cleared
    claude_home.record_hooks()
    scripted = scripted_session(claude_home)
    expected = imported(worker, tmp_path, claude_home)

    # When both come
    for what in order:
        bring(worker, claude_home, what)

    # Then the rows are those of the import
    assert without_better_knowledge(all_tables(worker)) == expected
    assert is_verified(worker)
    found = sessions(worker)
    assert (found[scripted.session_id]["tool_calls"], found[scripted.session_id]["tool_errors"]) == (TOOL_CALLS, FAILURES)
    # And the sessions have ended, as the person ended them
    assert {found[str(scripted.cleared_id)]["end_reason"], found[str(scripted.after_clear_id)]["end_reason"]} == {
        "clear",
        "prompt_input_exit",
    }
    assert all(session["is_ended"] for session in found.values())


def test_hooks_alone_give_the_scripted_session_but_for_its_tokens(claude_home: ClaudeHome, worker: Resources, tmp_path: Path) -> None:
    claude_home.record_hooks()
    scripted = scripted_session(claude_home)
    import_files(worker, tmp_path, *(path.read_bytes() for path in claude_home.transcripts()))
    by_import = sessions(worker)
    empty(worker)

    bring(worker, claude_home, "hooks")

    by_hooks = sessions(worker)
    compared = ("path", "title", "user_messages", "tool_calls", "tool_errors", "files_modified", "lines_added", "lines_removed")
    assert {id: [row[name] for name in compared] for id, row in by_hooks.items()} == {
        id: [row[name] for name in compared] for id, row in by_import.items()
    }
    assert by_hooks[scripted.session_id]["api_calls"] == 0
    assert is_verified(worker)


@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_odd_sessions_are_the_same_by_hooks_and_transcripts(
    claude_home: ClaudeHome, worker: Resources, tmp_path: Path, order: tuple[str, str]
) -> None:
    # Given a session that moves to a worktree, is refused calls, is resumed elsewhere, forked and compacted
    claude_home.record_hooks()
    settings = json.loads(claude_home.settings_file.read_text())
    settings["permissions"]["deny"] = ["Bash(curl:*)"]
    claude_home.settings_file.write_text(json.dumps(settings))
    project = claude_home.project
    turns = [
        [use("Bash", command="git worktree add -q ../side && cd ../side 2>/dev/null; mkdir -p sub", description="A worktree")],
        [use("Bash", command="cd sub", description="Go there")],
        [use("Bash", command="touch a.txt", description="Make it")],
        [use("Bash", command="rm a.txt", description="Remove it")],
        [
            use("Bash", command="curl -s http://localhost", description="Refused"),
            use("Bash", command="echo allowed", description="Allowed"),
        ],
        [use("Edit", file_path=str(project / "nothing.txt"), old_string="a", new_string="b")],
        [use("Write", file_path=str(project / "b.txt"), content="b\n"), use("Read", file_path="b.txt", limit="5")],
        [use("Bash", command="sleep 3", timeout=300, description="Too long")],
        [say("All is tried.")],
    ]
    origin = claude_home.run("Try all.", turns).session_id
    fork = claude_home.run(
        "Go on.", [[use("Bash", command="echo fork", description="Fork")], [say("Forked.")]], "--resume", origin, "--fork-session"
    )
    claude_home.run("/compact", [[say("All was tried.")]], "--resume", origin)
    claude_home.run("And after.", [[say("After.")]], "--resume", origin)
    expected = imported(worker, tmp_path, claude_home)

    for what in order:
        bring(worker, claude_home, what)

    assert without_better_knowledge(all_tables(worker)) == expected
    assert is_verified(worker)
    # And the project is the first folder, in both
    found = sessions(worker)
    assert {found[origin]["path"], found[fork.session_id]["path"]} == {str(project)}
