"""The service of a person: its files, and the words where it cannot be started."""

import plistlib
from dataclasses import replace
from pathlib import Path

import pytest

from client.connect.places import Places
from client.connect.service import remove_service, service_file, start_service
from client.connect.settings.settings_files import write


@pytest.fixture
def places(tmp_path: Path) -> Places:
    folder = tmp_path / "of $HOME 100%"
    return Places(folder, folder / ".claude", folder / ".claude-tracker", tmp_path / "managed", {"PATH": "/nowhere"})


def with_program(places: Places, name: str, exit_code: int = 0) -> Places:
    """A machine with a service manager that writes down what it is asked for."""
    program = places.home / "bin" / name
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\necho "$*" >>"{places.home}/asked"\necho "No bus" >&2\nexit {exit_code}\n'.replace("$HOME", "\\$HOME"))
    program.chmod(0o755)
    return replace(places, environment={"PATH": f"{program.parent}:/bin"})


def test_the_systemd_unit_runs_the_shipper_and_is_enabled(places: Places) -> None:
    places = with_program(places, "systemctl")
    change = service_file(places, is_macos=False)
    assert change.after is not None
    assert change.path == places.home / ".config/systemd/user/claude-code-tracker.service"
    lines = change.after.decode().splitlines()
    quoted = str(places.ship).replace("$", "$$").replace("%", "%%")
    assert f'ExecStart=/bin/sh "{quoted}" --forever' in lines
    assert "Restart=always" in lines
    write(change.path, change.after)

    assert start_service(places, is_macos=False) is None
    assert (places.home / "asked").read_text() == "--user daemon-reload\n--user enable --now claude-code-tracker.service\n"

    assert remove_service(places, is_macos=False)
    assert not change.path.exists()
    assert "--user disable --now claude-code-tracker.service" in (places.home / "asked").read_text()
    assert not remove_service(places, is_macos=False)


def test_the_launchd_agent_runs_the_shipper(places: Places) -> None:
    places = with_program(places, "launchctl")
    change = service_file(places, is_macos=True)
    assert change.after is not None
    assert change.path == places.home / "Library/LaunchAgents/claude-code-tracker.plist"
    agent = plistlib.loads(change.after)
    assert agent["ProgramArguments"] == ["/bin/sh", str(places.ship), "--forever"]
    assert (agent["RunAtLoad"], agent["KeepAlive"]) == (True, True)
    write(change.path, change.after)

    assert start_service(places, is_macos=True) is None
    assert remove_service(places, is_macos=True)
    asked = (places.home / "asked").read_text().splitlines()
    assert [line.split()[0] for line in asked] == ["bootstrap", "bootout"]


def test_a_machine_without_a_service_manager_is_told_why(places: Places) -> None:
    assert start_service(places, is_macos=False) == "there is no systemctl"
    assert start_service(with_program(places, "systemctl", exit_code=1), is_macos=False) == "No bus"
