"""`tracker ship --forever` as a service of the person: a systemd user unit on Linux, a launchd agent on macOS."""

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from client.connect.places import Places
from client.connect.run_program import run_program
from client.connect.settings.settings_files import Change

UNIT: Final = "claude-code-tracker.service"
AGENT: Final = "claude-code-tracker"
_SECONDS: Final = 30


def service_file(places: Places, *, is_macos: bool = sys.platform == "darwin") -> Change:
    """The unit, or the agent's property list."""
    path = _path(places, is_macos=is_macos)
    content = _property_list(places) if is_macos else _unit(places)
    return Change(path, path.read_bytes() if path.is_file() else None, content)


def start_service(places: Places, *, is_macos: bool = sys.platform == "darwin") -> str | None:
    """Starts it now and at each login. None if that worked, else why not."""
    path = _path(places, is_macos=is_macos)
    if is_macos:
        return _run(places, "launchctl", "bootstrap", f"gui/{os.getuid()}", str(path))
    return _run(places, "systemctl", "--user", "daemon-reload") or _run(places, "systemctl", "--user", "enable", "--now", UNIT)


def remove_service(places: Places, *, is_macos: bool = sys.platform == "darwin") -> bool:
    """Stops it and removes its file. Returns whether there was one."""
    path = _path(places, is_macos=is_macos)
    if not path.is_file():
        return False
    if is_macos:
        _run(places, "launchctl", "bootout", f"gui/{os.getuid()}/{AGENT}")
    else:
        _run(places, "systemctl", "--user", "disable", "--now", UNIT)
    path.unlink()
    if not is_macos:
        _run(places, "systemctl", "--user", "daemon-reload")
    return True


def _path(places: Places, *, is_macos: bool) -> Path:
    if is_macos:
        return places.home / "Library" / "LaunchAgents" / f"{AGENT}.plist"
    configuration = Path(places.environment.get("XDG_CONFIG_HOME") or places.home / ".config")
    return configuration / "systemd" / "user" / UNIT


def _unit(places: Places) -> bytes:
    return (
        "[Unit]\n"
        "Description=Sends what Claude Code does to the tracker\n"
        "\n"
        "[Service]\n"
        f"Environment={_quoted(f'TRACKER_CAPTURE_DIR={places.capture}')}\n"
        f"ExecStart=/bin/sh {_quoted(str(places.ship))} --forever\n"
        "Restart=always\n"
        "RestartSec=10\n"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    ).encode()


def _quoted(text: str) -> str:
    """A word of a systemd unit, in which % and $ stand for themselves."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'


def _property_list(places: Places) -> bytes:
    return plistlib.dumps(
        {
            "Label": AGENT,
            "ProgramArguments": ["/bin/sh", str(places.ship), "--forever"],
            "EnvironmentVariables": {"TRACKER_CAPTURE_DIR": str(places.capture)},
            "RunAtLoad": True,
            "KeepAlive": True,
            "ThrottleInterval": 10,
            "ProcessType": "Background",
        }
    )


def _run(places: Places, *command: str) -> str | None:
    """None if it succeeded, else why not."""
    program = shutil.which(command[0], path=places.environment.get("PATH", os.defpath))
    if program is None:
        return f"there is no {command[0]}"
    try:
        ended = run_program([program, *command[1:]], places.environment, _SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} could not be run ({error})"
    said = ended.stderr.strip().splitlines()
    return None if ended.returncode == 0 else said[-1] if said else f"{command[0]} ended with exit code {ended.returncode}"
