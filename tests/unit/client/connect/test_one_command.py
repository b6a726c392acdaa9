"""`tracker capture`: where it sends what its command did, and with which settings it runs."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from client.capture.readings.rate_limit_events import windows_of
from client.connect.one_command import WrongSettings, capture
from client.connect.own_files import HOOK_SCRIPT
from client.connect.places import places
from client.connect.settings.hook_events import events_of
from client.connect.settings.telemetry import HELPER, wanted_variables
from tests.flow.conftest import REPOSITORY, TRACKER
from tests.unit.client.capture.capture_server import capture_server

# As a hook of the command would, but without a shipper that is started by it.
HOOK = """\
mkdir -p "$TRACKER_CAPTURE_DIR/spool"
echo '{"hook_event_name": "Stop", "session_id": "s1"}' >"$TRACKER_CAPTURE_DIR/spool/1-0"
test -z "$TRACKER_TOKEN"
"""


def test_the_given_address_and_key_win_over_those_of_the_environment(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TRACKER_URL": "http://127.0.0.1:9", "TRACKER_TOKEN": "cct_other"}
    with capture_server() as server:
        code = capture(["sh", "-c", HOOK], places(environment, tmp_path), url=server.url, token="cct_given", user="ann")

    assert code == 0
    assert [hook["session_id"] for hook in server.hooks] == ["s1"]
    assert {headers["Authorization"] for _, _, headers, _ in server.requests} == {"Bearer cct_given"}


def test_the_hook_of_a_connected_machine_keeps_the_commands_sessions_with_those_of_its_own_hook(tmp_path: Path) -> None:
    connected = tmp_path / ".claude-tracker"
    connected.mkdir()
    shutil.copy(HOOK_SCRIPT, connected / "hook.sh")
    (connected / "ship").write_text("#!/bin/sh\n")
    (connected / "config.json").write_text('{"url": "http://127.0.0.1:9"}')
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    payload = json.dumps({"hook_event_name": "Stop", "session_id": "s1"})
    with capture_server() as server:
        command = ["sh", "-c", f"echo '{payload}' | sh {connected}/hook.sh"]
        code = capture(command, places(environment, tmp_path), url=server.url, token=None, user="ann")

    assert code == 0
    assert [hook["session_id"] for hook in server.hooks] == ["s1"]
    assert not (connected / "spool").exists()
    assert list((connected / "commands").iterdir()) == []


def settings_of_the_command(home: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """The settings of a `claude` with these arguments, and in `headers` what their helper prints."""
    program = home / "bin/claude"
    program.parent.mkdir()
    # Its version is asked first.
    program.write_text(f"""#!/bin/sh
test "$1" = --settings || exit 0
cp "$2" {home}/seen
cp "$TRACKER_CAPTURE_DIR/otel-headers.json" {home}/headers
""")
    program.chmod(0o755)
    environment = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), **variables}
    with capture_server() as server:
        assert capture([str(program), *arguments], places(environment, home), url=f"{server.url}/", token="cct_given", user="ann") == 0
    settings: dict[str, Any] = json.loads((home / "seen").read_text())
    return settings | {"headers": json.loads((home / "headers").read_text()), "url": server.url}


def test_the_command_sends_its_telemetry_too_beside_the_settings_that_it_gives(tmp_path: Path) -> None:
    stop = {"hooks": [{"type": "command", "command": "/usr/bin/check"}]}
    given = {"model": "sonnet", "env": {"EDITOR": "vi"}, "hooks": {"Stop": [stop]}}

    found = settings_of_the_command(tmp_path, "-p", "Go", f"--settings={json.dumps(given)}")

    assert found["env"] == {"EDITOR": "vi", **wanted_variables(found["url"])}
    assert (found["model"], found["hooks"]["Stop"][0]) == ("sonnet", stop)
    assert set(found["hooks"]) == set(events_of(None))
    assert found["headers"]["Authorization"] == "Bearer cct_given"
    assert "cct_given" not in json.dumps(found["env"]) + found[HELPER]


@pytest.mark.parametrize("where", ["the variables", "the settings of the command", "the person's settings"])
def test_an_exporter_of_somebody_else_is_left_alone(tmp_path: Path, where: str) -> None:
    name, value = "OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example.org"
    settings = json.dumps({"env": {name: value}})
    if where == "the person's settings":
        (tmp_path / ".claude").mkdir()
        (tmp_path / ".claude/settings.json").write_text(settings)
    arguments = ("--settings", settings) if where == "the settings of the command" else ()

    found = settings_of_the_command(tmp_path, *arguments, **({name: value} if where == "the variables" else {}))

    assert found.get("env") == (json.loads(settings)["env"] if arguments else None)
    assert HELPER not in found


def claude_that_prints(folder: Path, lines: list[str], ending: str = "") -> Path:
    """A program named `claude` that prints the lines."""
    (folder / "lines").write_text("".join(f"{line}\n" for line in lines))
    program = folder / "claude"
    program.write_text(f"#!/bin/sh\ncat {folder}/lines\n{ending}")
    program.chmod(0o755)
    return program


LIMITS = {"status": "allowed", "rateLimitType": "five_hour", "utilization": 0.421, "resetsAt": 1796050833}


def test_limits_that_claude_prints_are_told_and_its_output_goes_on_as_it_is(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    event = {"type": "rate_limit_event", "session_id": "s1", "rate_limit_info": LIMITS}
    later = event | {"rate_limit_info": LIMITS | {"rateLimitType": "seven_day", "utilization": None, "status": "rejected"}}
    # Two windows one after the other, a long line, what is no JSON, and an end without a line feed
    program = claude_that_prints(
        tmp_path, [json.dumps(event), "x" * 300_000, "rate_limit_event {", json.dumps(later)], "printf end; exit 3"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    with capture_server() as server:
        command = [str(program), "-p", "Go", "--output-format", "stream-json"]
        code = capture(command, places(environment, tmp_path), url=server.url, token="cct_given", user="ann")

    assert code == 3
    assert capfdbinary.readouterr().out == (tmp_path / "lines").read_bytes() + b"end"
    [reading] = server.readings
    assert (reading["type"], reading["session_id"], reading["user"]) == ("rate_limit_event", "s1", "ann")
    assert reading["windows"] == [
        {"kind": "five_hour", "used_percentage": 42.1, "resets_at": "2026-11-30T15:00:33+00:00"},
        {"kind": "seven_day", "used_percentage": 100.0, "resets_at": "2026-11-30T15:00:33+00:00"},
    ]


def test_a_command_ends_when_it_ends_though_what_it_started_goes_on(tmp_path: Path) -> None:
    program = claude_that_prints(tmp_path, ["{}"], "sleep 600 & echo $! > $HOME/pid")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    with capture_server() as server:
        code = capture([str(program), "--output-format=stream-json"], places(environment, tmp_path), url=server.url, token=None, user="ann")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    assert code == 0


def test_a_command_whose_output_nobody_reads_ends_as_in_a_shell(tmp_path: Path) -> None:
    program = claude_that_prints(tmp_path, ["{}"], "while :; do echo '{}'; done")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY), "TRACKER_URL": "http://127.0.0.1:9"}
    command = [*TRACKER, "capture", "--", str(program), "--output-format", "stream-json"]

    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()

        assert process.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    "info",
    [
        None,
        [],
        {"status": "allowed"},
        LIMITS | {"utilization": "0.4"},
        LIMITS | {"utilization": -1},
        LIMITS | {"resetsAt": None},
        LIMITS | {"resetsAt": 1e300},
        LIMITS | {"rateLimitType": "Five hours"},
        {"unifiedWindows": {"five_hour": None}},
    ],
)
def test_an_event_of_another_shape_tells_no_window(info: object) -> None:
    assert windows_of(info) == []


def test_an_event_that_names_all_windows_tells_all() -> None:
    window = {"utilization": 1.02, "resetsAt": 1796050833, "status": "rejected"}

    told = windows_of(LIMITS | {"unifiedWindows": {"five_hour": window, "seven_day": window | {"utilization": 0.5}}})

    assert [(each["kind"], each["used_percentage"]) for each in told] == [("five_hour", 102.0), ("seven_day", 50.0)]


@pytest.mark.parametrize("given", ["/nowhere/settings.json", "{", "[1]", '{"hooks": []}', '{"env": 5}'])
def test_settings_that_cannot_be_read_start_nothing(tmp_path: Path, given: str) -> None:
    with pytest.raises(WrongSettings, match="The command was not started"):
        settings_of_the_command(tmp_path, "--settings", given)
    assert not (tmp_path / "seen").exists()
