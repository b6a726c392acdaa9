"""`tracker connect` and the real Claude Code: by each set of hooks, to rows that the API shows, and out again."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.flow.conftest import Stack
from tests.flow.connect.shippers import stop_shipper, wait_for
from tests.real_client.claude_code import ClaudeHome, Tracker, prompts, tracker_of
from tests.real_client.messages_api import messages_api, say, use
from tests.skips import needs

pytestmark = [needs("Claude Code")]
SECONDS = 60
TURNS = [[use("Bash", command="echo hello", description="Say hello")], [say("It says hello.")]]


@pytest.mark.parametrize("options", [(), ("--hooks", "all")], ids=["few", "all"])
def test_a_session_after_connect_is_in_the_tracker_and_disconnect_ends_it(
    claude_home: ClaudeHome,
    tracker: Tracker,
    stack: Stack,
    options: tuple[str, ...],
) -> None:
    before = claude_home.settings_file.read_bytes()

    # When this machine is connected
    connected = tracker("connect", "--yes", *options)

    # Then a test event has come through, and no session is made of it
    assert connected.returncode == 0, connected.stderr
    assert connected.stdout.splitlines()[-1].startswith("Connected: your next prompt will appear within two seconds.")
    ours = stack.http.get("/api/machines").json()["items"]
    assert [machine["is_silent"] for machine in ours if machine["name"]][:1] == [False]
    assert not [item for item in stack.http.get("/api/sessions").json()["items"] if "tracker" in item["session_id"]]

    # And a session is in the tracker
    run = claude_home.run("What does echo say?", TURNS)
    wait_for(lambda: prompts(stack, run.session_id) == ["What does echo say?"])

    # And a second time changes nothing
    settings = claude_home.settings_file.read_bytes()
    again = tracker("connect", "--yes", *options)
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "Already connected. Nothing was changed.")
    assert claude_home.settings_file.read_bytes() == settings

    # And every step works; of formats that other tests' sessions have, the server may know nothing
    examined = tracker("doctor")
    to_look_at = {line.split(":")[0] for line in examined.stdout.splitlines() if line.startswith("!")}
    assert (examined.returncode, to_look_at - {"! Formats"}) == (0, set()), examined.stdout

    # When it is disconnected, then the settings are what they were, and no hook runs
    assert tracker("disconnect", "--yes").returncode == 0
    assert claude_home.settings_file.read_bytes() == before
    wait_for(lambda: not list((claude_home.path / ".claude-tracker/spool").iterdir()))
    stop_shipper(claude_home.capture)
    claude_home.run("Not seen", TURNS)
    assert not list((claude_home.path / ".claude-tracker/spool").iterdir())
    assert tracker("disconnect", "--yes").stdout == "Not connected. Nothing was changed.\n"

    # And it can be connected again
    assert tracker("connect", "--yes", *options).returncode == 0
    run = claude_home.run("Once more?", TURNS)
    wait_for(lambda: prompts(stack, run.session_id) == ["Once more?"])


def test_a_home_with_an_odd_name_is_connected(tmp_path: Path, stack: Stack) -> None:
    with messages_api() as api:
        home = ClaudeHome(tmp_path / 'it\'s a $HOME – "x" 100%', api)
        home.prepare()
        run_tracker = tracker_of(home, stack)

        assert run_tracker("connect", "--yes").returncode == 0
        run = home.run("odd?", TURNS)
        wait_for(lambda: prompts(stack, run.session_id) == ["odd?"])
        stop_shipper(home.capture)


@needs("curl")
def test_settings_of_a_team_need_nothing_installed(claude_home: ClaudeHome, tracker: Tracker, stack: Stack) -> None:
    printed = tracker("connect", "--print-settings")
    assert ".claude/settings.json of a project" in printed.stderr
    file = claude_home.project / ".claude/settings.json"
    file.parent.mkdir()
    file.write_text(printed.stdout)

    run = claude_home.run("What does the team say?", TURNS)

    wait_for(lambda: prompts(stack, run.session_id) == ["What does the team say?"])

    def calls() -> list[tuple[str, str]]:
        items = stack.http.get("/api/tool-calls", params={"session_id": run.session_id}).json()["items"]
        return [(item["tool_name"], item["result_status"]) for item in items]

    wait_for(lambda: calls() == [("Bash", "success")])

    # And its telemetry comes from there by older versions, and from settings that are no project's by all
    own = json.loads(claude_home.settings_file.read_text())
    claude_home.settings_file.write_text(
        json.dumps(own | {name: value for name, value in json.loads(printed.stdout).items() if name != "hooks"})
    )
    run = claude_home.run("And how long did it take?", TURNS)
    wait_for(lambda: "tool_result" in stack.http.get(f"/api/sessions/{run.session_id}/signals").text)


def test_capture_sends_the_sessions_of_one_command(claude_home: ClaudeHome, tracker: Tracker, stack: Stack) -> None:
    # Given a session from before, which is not part of the command
    former = claude_home.run("Long ago", TURNS)
    claude_home.api.script(TURNS)

    done = tracker("capture", "--", "claude", "-p", "In a pipeline", "--settings", '{"model": "sonnet"}')

    assert (done.returncode, done.stdout) == (0, "It says hello.\n"), done.stderr
    assert done.stderr == ""
    found = wait_for(lambda: [item for item in stack.http.get("/api/sessions").json()["items"] if _is_of(stack, item)])
    assert len(found) == 1
    assert prompts(stack, former.session_id) == []
    assert "CI" in [each["name"] for each in stack.http.get("/api/machines").json()["items"] if each["sessions_count"]]
    # And nothing of it stays
    assert not (claude_home.path / ".claude-tracker").exists()
    assert "hooks" not in claude_home.settings_file.read_text()


def _is_of(stack: Stack, session: dict[str, Any]) -> bool:
    return prompts(stack, session["session_id"]) == ["In a pipeline"]


def test_capture_reaches_a_claude_that_a_script_calls(claude_home: ClaudeHome, tracker: Tracker, stack: Stack) -> None:
    claude_home.api.script(TURNS)
    done = tracker("capture", "--", "sh", "-c", "claude -p 'In a script' >answer; exit 7")
    assert (done.returncode, done.stderr) == (7, "")
    wait_for(lambda: any(prompts(stack, each["session_id"]) == ["In a script"] for each in stack.http.get("/api/sessions").json()["items"]))


def test_capture_keeps_the_exit_code_when_nothing_can_be_sent(claude_home: ClaudeHome, tracker: Tracker) -> None:
    claude_home.api.script(TURNS)
    began = time.monotonic()

    done = tracker("capture", "--wait", "1", "--", "claude", "-p", "Unheard", TRACKER_URL="http://127.0.0.1:9", TRACKER_TOKEN="cct_secret")

    assert (done.returncode, done.stdout) == (0, "It says hello.\n")
    assert time.monotonic() - began < SECONDS
    assert done.stderr.startswith("tracker: not sent: ")
    assert "hooks, 1 transcript." in done.stderr
    assert "cct_secret" not in done.stderr
