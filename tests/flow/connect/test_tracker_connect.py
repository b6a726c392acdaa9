"""`tracker connect`, `disconnect` and `doctor` against a running tracker, on a machine without the program `claude`."""

import json
import os
import pty
import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import TRACKER, Run, Stack
from tests.flow.connect.conftest import without_claude
from tests.flow.connect.shippers import wait_for
from tests.skips import needs

pytestmark = [pytest.mark.usefixtures("no_shipper_stays"), needs("the embedded servers")]

SECONDS = 60


def test_connect_asks_only_where_somebody_can_answer(run: Run, settings: Path, capture: Path) -> None:
    refused = run("connect")
    assert refused.returncode == 1
    said = refused.stderr.splitlines()[-1]
    assert said == "There is no terminal to ask at. `tracker connect --yes` does it without a question. Nothing was changed."
    assert (settings.read_text(), capture.exists()) == ('{"model": "sonnet"}\n', False)


@pytest.mark.parametrize(("answer", "is_connected"), [("y", True), ("n", False), ("", False)])
def test_connect_shows_what_it_changes_and_asks(
    environment: dict[str, str], settings: Path, capture: Path, answer: str, is_connected: bool
) -> None:
    master, slave = pty.openpty()
    command = [*TRACKER, "connect", "--no-import"]
    with subprocess.Popen(command, env=environment | without_claude(environment), stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        os.write(master, f"{answer}\n".encode())
        said = _read_all(master)
    assert '+  "Stop": [' in said
    assert "Change these files? [y/N]" in said
    assert (process.returncode, "hooks" in json.loads(settings.read_text()), capture.exists()) == (
        0 if is_connected else 1,
        is_connected,
        is_connected,
    )


def _read_all(descriptor: int) -> str:
    content = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            part = b""
        if not part:
            os.close(descriptor)
            return content.decode()
        content += part


def test_a_dry_run_changes_nothing(run: Run, settings: Path, capture: Path) -> None:
    shown = run("connect", "--dry-run")
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (0, f"--- {settings}")
    assert "config.json" in shown.stdout
    assert (settings.read_text(), capture.exists()) == ('{"model": "sonnet"}\n', False)


def test_a_dry_run_on_a_connected_machine_says_so_and_names_the_service(run: Run, home: ClaudeHome, settings: Path) -> None:
    assert run("connect", "--yes", "--no-import").returncode == 0
    shown = run("connect", "--dry-run", "--service").stdout.splitlines()
    assert shown[0] == "Already connected. Nothing would be changed."
    assert shown[1].startswith(f"new file: {home.path}")


def test_nothing_is_changed_without_a_server_or_with_a_key_that_it_refuses(run: Run, settings: Path, capture: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    assert run("connect", "--yes", "--url", url).returncode == 3
    refused = run("connect", "--yes", "--token", "cct_nonsense")
    assert refused.returncode == 1
    assert "key is not valid" in refused.stderr
    assert (settings.read_text(), capture.exists()) == ('{"model": "sonnet"}\n', False)


def test_connect_imports_the_history_and_ends_with_a_test_event(run: Run, home: ClaudeHome, settings: Path, stack: Stack) -> None:
    transcript = home.transcript()

    connected = run("connect", "--yes")

    assert connected.returncode == 0, connected.stderr
    assert re.search(r"^A test event came through in (\d+ ms|\d+\.\d s)\.$", connected.stdout, re.MULTILINE)
    assert connected.stdout.splitlines()[-1].startswith("Connected: your next prompt will appear within two seconds.")
    assert stack.http.get(f"/api/conversations?session_id={transcript.stem}").json()["items"]
    # And the machine is known
    config = json.loads((home.path / ".claude-tracker/config.json").read_text())
    assert config["machine_id"] in [machine["machine_id"] for machine in stack.http.get("/api/machines?limit=1000").json()["items"]]


def test_disconnect_ends_the_shipper_and_forgets_the_key(run: Run, settings: Path, capture: Path) -> None:
    assert run("connect", "--yes", "--no-import", "--service").returncode == 0
    pid = int((capture / "shipper.pid").read_text())

    gone = run("disconnect", "--yes")

    assert (gone.returncode, gone.stderr) == (0, "")
    assert "The service is stopped and removed." in gone.stdout
    assert settings.read_text() == '{"model": "sonnet"}\n'
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.kill(pid, 0))
    assert "url" not in json.loads((capture / "config.json").read_text())


@pytest.mark.parametrize(("options", "expected"), [((), "few"), (("--no-telemetry",), "all"), (("--hooks", "all"), "all")])
def test_few_hooks_are_enough_where_telemetry_tells_the_rest(run: Run, settings: Path, options: tuple[str, ...], expected: str) -> None:
    connected = run("connect", "--yes", "--no-import", *options)

    assert f"Hooks: {expected}. A session of ten calls takes " in connected.stdout, connected.stderr
    assert ("PreToolUse" in json.loads(settings.read_text())["hooks"]) == (expected == "all")
    # Later calls keep the choice.
    assert run("connect", "--yes", "--no-import").stdout.startswith("Already connected.")
    assert f"Hooks installed: {expected}, in {settings}" in run("doctor").stdout


def test_all_hooks_that_nobody_chose_make_room_for_few(run: Run, settings: Path, capture: Path) -> None:
    # Given all hooks, which nobody chose
    assert run("connect", "--yes", "--no-import", "--hooks", "all").returncode == 0
    config = json.loads((capture / "config.json").read_text())
    (capture / "config.json").write_text(json.dumps({name: value for name, value in config.items() if name != "hooks"}))
    assert "few are enough with telemetry" in run("doctor").stdout

    moved = run("connect", "--yes", "--no-import")

    assert "Hooks: few instead of all, since telemetry tells the rest." in moved.stdout
    assert "PreToolUse" not in json.loads(settings.read_text())["hooks"]
    assert run("disconnect", "--yes").returncode == 0
    assert settings.read_text() == '{"model": "sonnet"}\n'


def test_an_address_and_its_key_are_kept_and_never_shown(run: Run, settings: Path, capture: Path, stack: Stack) -> None:
    key = stack.http.post("/api/keys", json={"name": "laptop", "scopes": ["ingest"]}).json()["key"]
    first = run("connect", "--yes", "--no-import", "--token", key)
    assert first.returncode == 0, first.stderr
    assert key not in first.stdout + first.stderr

    # Without an option it is the same server, with its key.
    assert run("connect", "--yes", "--no-import").stdout.startswith("Already connected.")
    assert json.loads((capture / "config.json").read_text())["token"] == key
    # Another address does not get it.
    other = str(stack.http.base_url).replace("127.0.0.1", "localhost")
    assert run("connect", "--yes", "--no-import", TRACKER_URL=other).returncode == 0
    assert "token" not in json.loads((capture / "config.json").read_text())


def test_status_line_and_few_hooks_are_connected_and_taken_out_again(run: Run, settings: Path, capture: Path) -> None:
    before = '{"statusLine": {"type": "command", "command": "wc -c"}}\n'
    settings.write_text(before)

    connected = run("connect", "--yes", "--no-import", "--statusline", "--hooks", "few", "--no-telemetry")

    assert connected.returncode == 0, connected.stderr
    value = json.loads(settings.read_text())
    assert list(value["hooks"]) == ["SessionStart", "SessionEnd", "UserPromptSubmit", "Stop", "Notification"]
    assert "Hooks: few. " in connected.stdout
    given = b'{"session_id":"abc"}'
    shown = subprocess.run(["sh", "-c", value["statusLine"]["command"]], input=given, capture_output=True, check=True)
    assert (int(shown.stdout), (capture / "readings/abc").read_bytes()) == (len(given), given)
    # Without options it stays so.
    assert run("connect", "--yes", "--no-import").stdout.startswith("Already connected.")
    assert "none, as `tracker connect --no-telemetry` said" in run("doctor").stdout
    assert run("disconnect", "--yes").returncode == 0
    assert settings.read_text() == before


def test_an_exporter_of_somebody_else_is_left_alone_and_said_so(run: Run, settings: Path) -> None:
    env = {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.org"}
    settings.write_text(json.dumps({"env": env}))

    connected = run("connect", "--yes", "--no-import")

    assert connected.returncode == 0, connected.stderr
    assert connected.stderr.startswith(f"Telemetry is left alone: CLAUDE_CODE_ENABLE_TELEMETRY in {settings} says already where it goes.")
    assert json.loads(settings.read_text())["env"] == env


def test_a_connected_project_is_the_only_one_that_is_sent(run: Run, home: ClaudeHome, settings: Path, stack: Stack) -> None:
    # Given a session in a project, and one elsewhere
    project = home.path / "shop"
    project.mkdir()
    inside, outside = home.transcript(), home.transcript()
    inside.write_text(inside.read_text().replace("/home/ann/shop", str(project)))

    connected = run("connect", "--yes", "--project", str(project))
    assert connected.returncode == 0, connected.stderr
    # Claude Code takes no telemetry from there, so there are all hooks.
    assert "Telemetry is not set up" in connected.stderr
    own = json.loads((project / ".claude/settings.local.json").read_text())
    assert (list(own), "PreToolUse" in own["hooks"]) == (["hooks"], True)
    assert run("ship", "--once").returncode == 0

    wait_for(lambda: stack.http.get(f"/api/sessions/{inside.stem}").status_code == 200)
    assert stack.http.get(f"/api/sessions/{outside.stem}").status_code == 404
    assert "hooks" not in json.loads(settings.read_text())
    assert run("doctor").returncode == 0
