"""The hooks of a team's settings: one way to the server for each machine, and no key on a command line."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from client.connect.places import Places
from client.connect.plan import plan_connect
from client.connect.settings.hook_events import events_of, is_own
from client.connect.settings.team_settings import settings_text
from client.connect.settings.telemetry import HELPER, decided_elsewhere, wanted_variables
from tests.skips import needs
from tests.unit.client.capture.capture_server import CaptureServer, capture_server

PAYLOAD = {"hook_event_name": "Stop", "session_id": "s1", "last_assistant_message": "x" * 100_000}
SECONDS = 60


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def run_hook(home: Path, server: CaptureServer, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """As Claude Code runs a hook of these settings."""
    settings = json.loads(settings_text(server.url, None))
    [group] = settings["hooks"]["Stop"]
    [hook] = group["hooks"]
    environment = settings["env"] | environment | {"PATH": os.environ["PATH"], "HOME": str(home), "USER": "ann"}
    return subprocess.run(
        ["/bin/sh", "-c", hook["command"]],
        input=json.dumps(PAYLOAD).encode(),
        env=environment,
        capture_output=True,
        timeout=20,
        check=False,
    )


@needs("curl")
@pytest.mark.parametrize("key", ["cct_x", None])
def test_curl_sends_the_payload_where_nothing_is_installed(tmp_path: Path, key: str | None) -> None:
    with capture_server() as server:
        done = run_hook(tmp_path, server, **({} if key is None else {"TRACKER_TOKEN": key}))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        wait_for(lambda: server.hooks == [PAYLOAD])
        [(_, path, headers, _)] = server.requests
        assert path == "/api/hooks?user=ann"
        assert headers.get("Authorization") == (None if key is None else f"Bearer {key}")
        assert headers["Content-Type"] == "application/json"


@needs("curl")
def test_variables_of_a_project_do_not_steer_it(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "hook.sh").write_text(f"echo ran >{tmp_path}/ran\n")
    with capture_server() as server, capture_server() as theirs:
        run_hook(tmp_path, server, TRACKER_TOKEN="cct_x", TRACKER_CAPTURE_DIR=str(other), TRACKER_URL=theirs.url)
        wait_for(lambda: server.hooks == [PAYLOAD])

        assert (theirs.requests, (tmp_path / "ran").exists()) == ([], False)


def test_a_server_that_is_away_is_not_waited_for(tmp_path: Path) -> None:
    with capture_server() as server:
        server.is_hanging_up = True
        done = run_hook(tmp_path, server)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_own_hook_of_a_person_does_the_work(tmp_path: Path) -> None:
    folder = tmp_path / ".claude-tracker"
    folder.mkdir()
    (folder / "connected.json").write_text("{}")
    (folder / "hook.sh").write_text(f"echo ran >{tmp_path}/ran\n")
    with capture_server() as server:
        assert run_hook(tmp_path, server).returncode == 0
        # Connected: nothing. Its own hook has the event already.
        assert (server.requests, (tmp_path / "ran").exists()) == ([], False)

        # With the script alone, as where only managed hooks are allowed, the script gets it.
        (folder / "connected.json").unlink()
        assert run_hook(tmp_path, server).returncode == 0
        assert (server.requests, (tmp_path / "ran").read_text()) == ([], "ran\n")


@pytest.mark.parametrize("only_managed", [True, False])
def test_connect_adds_no_hooks_where_the_administrator_brings_them(tmp_path: Path, only_managed: bool) -> None:
    places = Places(tmp_path, tmp_path / ".claude", tmp_path / ".claude-tracker", tmp_path / "managed", {"PATH": "/nowhere"})
    places.managed.mkdir()
    value = json.loads(settings_text("https://tracker.example.org", None)) | {"allowManagedHooksOnly": only_managed}
    (places.managed / "managed-settings.json").write_text(json.dumps(value))

    plan = plan_connect(places, None, None, {"url": "https://tracker.example.org"})

    assert (plan.is_of_team, plan.settings.is_needed) == (True, False)
    assert [change.path.name for change in plan.own_files if change.is_needed] == ["hook.sh", "statusline.sh", "ship", "config.json"]


def test_the_settings_have_a_hook_for_each_event_and_no_key() -> None:
    text = settings_text("https://tracker.example.org/", (2, 1, 197))
    value = json.loads(text)
    assert value["env"] == {"TRACKER_URL": "https://tracker.example.org", **wanted_variables("https://tracker.example.org")}
    assert list(value["hooks"]) == events_of((2, 1, 197))
    assert all(is_own(hook) for groups in value["hooks"].values() for group in groups for hook in group["hooks"])
    assert "cct_" not in text


def test_the_settings_are_without_telemetry_where_it_is_not_wished_for() -> None:
    value = json.loads(settings_text("https://tracker.example.org", None, has_telemetry=False))
    assert (value["env"], HELPER in value) == ({"TRACKER_URL": "https://tracker.example.org"}, False)


@pytest.mark.parametrize(
    ("token", "connected_to", "expected"),
    [
        ("cct_x", None, {"Authorization": "Bearer cct_x"}),
        ("cct_x", "https://tracker.example.org", {"Authorization": "Bearer cct_x"}),
        (None, "https://tracker.example.org", {"Authorization": "Bearer cct_own"}),
        # The own key of a person is for its own address.
        (None, "https://tracker.example.org.evil", {}),
        (None, None, {}),
    ],
)
def test_telemetry_of_a_team_has_the_key_of_each_person(
    tmp_path: Path, token: str | None, connected_to: str | None, expected: dict[str, str]
) -> None:
    value = json.loads(settings_text("https://tracker.example.org/", None))
    if connected_to is not None:
        (tmp_path / ".claude-tracker").mkdir()
        (tmp_path / ".claude-tracker/config.json").write_text(json.dumps({"url": connected_to}, indent=2))
        (tmp_path / ".claude-tracker/otel-headers.json").write_text('{"Authorization": "Bearer cct_own"}')
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **({} if token is None else {"TRACKER_TOKEN": token})}

    printed = subprocess.run(["/bin/sh", "-c", value[HELPER]], env=environment, capture_output=True, check=True)

    assert (json.loads(printed.stdout), printed.stderr) == (expected, b"")
    # And it is known as ours
    assert decided_elsewhere([(tmp_path, value)], {}) is None
