"""Sessions of the real client that are killed, interrupted or refused: by hooks and by transcripts the same, in any order."""

import os
import signal
from pathlib import Path

import pytest

from services.worker.maintenance.idle_sessions import close_idle_sessions
from services.worker.resources import Resources
from tests.faults.pace import wait_until
from tests.integration.worker.all_tables import all_tables, empty, is_verified
from tests.integration.worker.capture.hook_session import without_better_knowledge
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import say, use
from tests.real_client.scripted_session import ORDERS, bring, imported, sessions
from tests.skips import needs

pytestmark = [needs("Claude Code"), needs("tmux")]
SLOW = [[say("It takes long."), use("Bash", command="echo begun; sleep 60", description="Slow")], [say("It is over.")]]


@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_a_killed_session_is_closed_idle_and_goes_on_when_it_is_resumed(
    claude_home: ClaudeHome, worker: Resources, tmp_path: Path, order: tuple[str, str]
) -> None:
    # Given a client that is killed in the middle of a tool call
    claude_home.record_hooks()
    with claude_home.started("Take your time.", SLOW) as process:
        session_id = claude_home.wait_for_hook("PreToolUse")["session_id"]
        # A row that it has not written yet is lost with it; then hooks know more than the transcript.
        assert wait_until(lambda: any("tool_use" in path.read_text() for path in claude_home.transcripts()), 60)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    expected = imported(worker, tmp_path, claude_home)

    for what in order:
        bring(worker, claude_home, what)

    # Then the call is pending, and the session is open until nothing is heard of it for long
    assert without_better_knowledge(all_tables(worker)) == expected
    assert (sessions(worker)[session_id]["is_ended"], sessions(worker)[session_id]["end_reason"]) == (None, None)
    with worker.transaction() as connection:
        assert connection.execute("SELECT status FROM tool_calls").fetchall() == [("pending",)]
    assert closed_after_silence(worker) == [session_id]

    # And when it is resumed, it goes on as one session
    empty(worker)
    claude_home.run("Go on.", [[use("Bash", command="echo on", description="On")], [say("On.")]], "--resume", session_id)
    expected = imported(worker, tmp_path, claude_home)
    for what in order:
        bring(worker, claude_home, what)
    assert without_better_knowledge(all_tables(worker)) == expected
    assert sessions(worker)[session_id]["end_reason"] == "other"
    assert is_verified(worker)


@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_calls_that_a_person_interrupts_or_refuses_are_healed_by_the_transcript(
    claude_home: ClaudeHome, worker: Resources, tmp_path: Path, order: tuple[str, str]
) -> None:
    # Given a person who stops a call with Esc, and refuses another
    claude_home.allow("Bash(echo:*)", "Bash(sleep:*)")
    claude_home.record_hooks()
    turns = [
        [use("Bash", command="echo begun; sleep 60", description="Slow")],
        [use("Bash", command="touch forbidden", description="Ask")],
        [say("As you like.")],
    ]
    claude_home.api.script(turns)
    with claude_home.terminal() as terminal:
        terminal.type("Sleep.")
        claude_home.wait_for_hook("PreToolUse")
        terminal.wait_for("(?i)esc to interrupt")
        terminal.press("Escape")
        terminal.wait_for("(?i)interrupted")
        terminal.type("Touch it.")
        terminal.wait_for("(?s)Do you want to proceed")
        terminal.press("Escape")
        terminal.wait_for("(?s)Interrupted.*Interrupted")
        terminal.type("/exit")
        terminal.wait_for("ended")
    expected = imported(worker, tmp_path, claude_home)

    for what in order:
        bring(worker, claude_home, what)

    assert without_better_knowledge(all_tables(worker)) == expected
    assert is_verified(worker)
    with worker.transaction() as connection:
        statuses = [row[0] for row in connection.execute("SELECT status FROM tool_calls ORDER BY occurred_at")]
    assert "pending" not in statuses
    assert "rejected" in statuses


def closed_after_silence(worker: Resources) -> list[str]:
    """The sessions that the sweep closes when half an hour and more has passed."""
    with worker.transaction() as connection:
        connection.execute("UPDATE sessions SET last_event_at = last_event_at - interval '1 day'")
    close_idle_sessions(worker)
    with worker.transaction() as connection:
        return [row[0] for row in connection.execute("SELECT session_id FROM sessions WHERE idle_closed_at = last_event_at")]
