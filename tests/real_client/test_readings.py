"""Status line, processes and telemetry of the real Claude Code, as `tracker connect` sets them up, at a server that keeps what it gets."""

import gzip
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import REPOSITORY, TRACKER
from tests.flow.connect.shippers import stop_shipper
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.formats import version_of
from tests.real_client.messages_api import say, use
from tests.skips import CLAUDE, needs
from tests.unit.client.capture.capture_server import CaptureServer, capture_server

pytestmark = [needs("Claude Code")]
KEY = "cct_secret"
# As of somebody with a subscription: only their limits are told. Nothing of it is ever sent but to the stand-in.
SUBSCRIBED = {"CLAUDE_CODE_OAUTH_TOKEN": f"sk-ant-oat01-{'x' * 80}", "ANTHROPIC_API_KEY": ""}
RESET = int(time.time()) // 3600 * 3600 + 7200
LIMITS = {
    f"anthropic-ratelimit-unified-{name}": value
    for name, value in {
        "status": "allowed_warning",
        "representative-claim": "seven_day",
        "reset": f"{RESET + 86_400}",
        "5h-status": "allowed",
        "5h-utilization": "0.42",
        "5h-reset": f"{RESET}",
        "7d-status": "allowed_warning",
        "7d-utilization": "0.91",
        "7d-reset": f"{RESET + 86_400}",
        "7d-surpassed-threshold": "0.9",
    }.items()
}
TURNS = [[use("Bash", command="echo hello", description="Say hello")], [say("It says hello.")]]
SECONDS = 60
TELLS_THE_CACHE = (2, 1, 332)


@pytest.fixture
def server() -> Iterator[CaptureServer]:
    with capture_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_shipper_stays(claude_home: ClaudeHome) -> Iterator[None]:
    yield
    stop_shipper(claude_home.capture)


def connect(home: ClaudeHome, server: CaptureServer, *options: str) -> None:
    run_tracker(home, "connect", "--yes", "--no-import", "--url", server.url, "--token", KEY, *options)


def run_tracker(home: ClaudeHome, *arguments: str) -> str:
    assert CLAUDE is not None
    environment = {
        **home.claude_environment(),
        "PATH": f"{Path(CLAUDE).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [*TRACKER, *arguments]
    done = subprocess.run(command, cwd=home.project, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def records(server: CaptureServer) -> list[dict[str, Any]]:
    """The log records that have come, with their attributes as values."""
    with server.lock:
        bodies = [body for path, body in server.exports if path == "/v1/logs" and body[:2] == b"\x1f\x8b"]
    return [
        {attribute["key"]: next(iter(attribute["value"].values())) for attribute in record["attributes"]}
        for body in bodies
        for resource in json.loads(gzip.decompress(body))["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


@pytest.mark.parametrize("options", [(), ("--hooks", "all")], ids=["few", "all"])
def test_telemetry_comes_with_the_key_and_tells_each_call(claude_home: ClaudeHome, server: CaptureServer, options: tuple[str, ...]) -> None:
    connect(claude_home, server, *options)

    run = claude_home.run("What does echo say?", TURNS)

    assert wait_until(lambda: any(record.get("event.name") == "tool_result" for record in records(server)), SECONDS)
    told = [record for record in records(server) if record["event.name"] == "tool_result"]
    assert [(record["session.id"], record["tool_name"], record["success"]) for record in told] == [(run.session_id, "Bash", "true")]
    machine = json.loads((claude_home.capture / "config.json").read_text())["machine_id"]
    headers = [headers for _, path, headers, body in server.requests if path.startswith("/v1/") and body[:2] == b"\x1f\x8b"]
    assert {(each["Authorization"], each["X-Tracker-Machine"], each["Content-Type"]) for each in headers} == {
        (f"Bearer {KEY}", machine, "application/json")
    }
    # And the prompt is in the transcript alone
    assert b"What does echo say?" not in b"".join(gzip.decompress(body) for _, body in server.exports if body[:2] == b"\x1f\x8b")
    assert wait_until(lambda: server.has(run.session_id), SECONDS)


def test_the_telemetry_of_one_command_comes_too(claude_home: ClaudeHome, server: CaptureServer) -> None:
    claude_home.api.script(TURNS)
    before = claude_home.settings_file.read_bytes()

    run_tracker(claude_home, "capture", "--url", server.url, "--token", KEY, "--", "claude", "-p", "What does echo say?")

    told = [record for record in records(server) if record["event.name"] == "tool_result"]
    assert [(record["tool_name"], record["success"]) for record in told] == [("Bash", "true")]
    assert server.has(told[0]["session.id"])
    headers = [headers for _, path, headers, _ in server.requests if path == "/v1/logs"]
    assert {each["Authorization"] for each in headers} == {f"Bearer {KEY}"}
    # And nothing of it stays
    assert (claude_home.settings_file.read_bytes(), claude_home.capture.exists()) == (before, False)


def test_the_limits_that_one_command_prints_come_too(claude_home: ClaudeHome, server: CaptureServer) -> None:
    claude_home.environment |= SUBSCRIBED
    claude_home.api.headers = LIMITS
    claude_home.api.script(TURNS)
    command = ("claude", "-p", "What does echo say?", "--output-format", "stream-json", "--verbose")

    printed = run_tracker(claude_home, "capture", "--url", server.url, "--token", KEY, "--", *command)

    # Then what it printed came through
    events = [json.loads(line) for line in printed.splitlines()]
    assert events[-1]["type"] == "result"
    # And the limits are told, all that this version names
    [reading] = [each for each in server.readings if each["type"] == "rate_limit_event"][-1:]
    told = {window["kind"]: window["used_percentage"] for window in reading["windows"]}
    [*_, info] = [event["rate_limit_info"] for event in events if event["type"] == "rate_limit_event"]
    assert told == ({"five_hour": 42.0, "seven_day": 91.0} if "unifiedWindows" in info else {"seven_day": 91.0})
    assert reading["session_id"] == events[-1]["session_id"]


@needs("tmux")
def test_a_status_line_tells_the_limits(claude_home: ClaudeHome, server: CaptureServer) -> None:
    claude_home.environment |= SUBSCRIBED
    claude_home.api.headers = LIMITS
    connect(claude_home, server, "--statusline")
    claude_home.api.script(TURNS)

    with claude_home.terminal() as terminal:
        terminal.type("What does echo say?")
        terminal.wait_for("It says hello")
        terminal.wait_for("42 ?%")

        assert wait_until(lambda: any("rate_limits" in each for each in server.readings), SECONDS)
    limits = [each["rate_limits"] for each in server.readings if "rate_limits" in each][-1]
    assert limits == {
        "five_hour": {"used_percentage": 42, "resets_at": RESET},
        "seven_day": {"used_percentage": 91, "resets_at": RESET + 86_400},
    }


@needs("tmux")
@needs("Linux")
def test_a_status_line_goes_on_and_the_death_of_a_client_is_told(claude_home: ClaudeHome, server: CaptureServer) -> None:
    # Given a person's own status line
    settings = json.loads(claude_home.settings_file.read_text())
    own = 'cat >"$HOME/seen"; echo "my own $((6 * 7)) line"'
    claude_home.settings_file.write_text(json.dumps(settings | {"statusLine": {"type": "command", "command": own}}))
    connect(claude_home, server, "--statusline")
    claude_home.api.script(TURNS)

    with claude_home.terminal() as terminal:
        terminal.type("What does echo say?")
        terminal.wait_for("It says hello")

        # Then it is shown, it gets what Claude Code gives, and so does the tracker
        terminal.wait_for("my own 42 line")
        assert wait_until(lambda: any(each["type"] == "status_line" and "cost" in each for each in server.readings), SECONDS)
        seen = json.loads((claude_home.path / "seen").read_text())
        line = [each for each in server.readings if each["type"] == "status_line"][-1]
        assert (line["session_id"], line["version"], line["model"]) == (seen["session_id"], seen["version"], seen["model"]["id"])
        # And what it counts of the prompt cache, where this version tells that
        assert CLAUDE is not None
        if version_of(claude_home, Path(CLAUDE)) >= TELLS_THE_CACHE:
            assert wait_until(lambda: any(each.get("prompt_cache", {}).get("requests") for each in server.readings), SECONDS)
        # And the state of its process, where this version tells one
        [file] = (claude_home.path / ".claude/sessions").glob("*.json")
        assert wait_until(lambda: any(each["type"] == "session_file" and each["is_alive"] for each in server.readings), SECONDS)

        os.kill(int(file.stem), signal.SIGKILL)

        assert wait_until(lambda: server.readings[-1].get("is_alive") is False, SECONDS)
        assert server.readings[-1]["session_id"] == seen["session_id"]


@needs("tmux")
@needs("Linux")
def test_a_question_for_a_permission_and_its_end_are_told_by_the_process(claude_home: ClaudeHome, server: CaptureServer) -> None:
    claude_home.allow("Read")
    connect(claude_home, server)
    claude_home.api.script([[use("Bash", command="touch asked", description="Ask")], [say("Well then.")]])

    def states() -> list[tuple[str | None, str | None]]:
        with server.lock:
            return [(each.get("status"), each.get("waiting_for")) for each in server.readings if each["type"] == "session_file"]

    with claude_home.terminal() as terminal:
        terminal.type("Touch a file.")
        terminal.wait_for(r"\d\. No")
        assert wait_until(lambda: states() and states()[-1][0] == "waiting", SECONDS), states()
        question = states()[-1]

        terminal.say_no()

        assert wait_until(lambda: states()[-1][0] == "idle", SECONDS), states()
    assert question == ("waiting", "permission prompt")


@needs("tmux")
def test_our_status_line_is_on_the_screen(claude_home: ClaudeHome, server: CaptureServer) -> None:
    connect(claude_home, server, "--statusline")
    server.totals = {"cost_usd": 12.345, "unpriced_calls": 0, "active_minutes": 185}
    claude_home.api.script(TURNS)

    with claude_home.terminal() as terminal:
        terminal.type("What does echo say?")
        terminal.wait_for("It says hello")
        terminal.wait_for(r"\$\d+\.\d\d · (<1|\d+) min")
        # Today's sums are there for the next run
        assert wait_until((claude_home.capture / "today").exists, SECONDS)
        terminal.type("And once more?")
        screen = terminal.wait_for(r"today \$12\.35 · 3 h 05 min")
    assert re.search(r"\$\d+\.\d\d · .* \| today", screen)
