"""The files in our folder on this machine: the script of the hook, how it starts `tracker`, the configuration."""

import json
import os
import platform
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import client.capture.hooks
from client.capture.folder import MAX_USER_CHARACTERS, capture_folder, read_object
from client.capture.readings.command import STATUS_LINE_SCRIPT
from client.connect.places import Places
from client.connect.settings.hook_events import Hook, hook_command, shell_hook, windows_hook
from client.connect.settings.settings_files import CannotChange, Change
from client.http.address import authorization

HOOK_SCRIPT: Final = Path(client.capture.hooks.__file__).with_name("hook.sh")
_CLONE: Final = Path(client.__file__).parents[1]


def hook_of(places: Places) -> Hook:
    """The hook that Claude Code runs at each event."""
    if os.name == "nt":
        return windows_hook(sys.executable, places.capture)
    return shell_hook(hook_command(places.script, folder_to_name(places)))


def folder_to_name(places: Places) -> Path | None:
    """Our folder, for a script that is called from the settings. None if it finds it by itself."""
    return None if places.capture == capture_folder({}, places.home) else places.capture


def script_files(places: Places) -> list[Change]:
    """hook.sh and statusline.sh as this version has them, and `ship` with the path of this `tracker`."""
    return [
        _change(places.script, HOOK_SCRIPT.read_bytes()),
        _change(places.status_line, STATUS_LINE_SCRIPT.read_bytes()),
        _change(places.ship, ship_script(tracker_command(), places).encode()),
    ]


def telemetry_headers(places: Places, config: Mapping[str, Any]) -> Change:
    """The headers of Claude Code's telemetry, for this configuration: the key, and which machine it is."""
    token = config.get("token")
    headers = {"X-Tracker-Machine": config["machine_id"], **authorization(token if isinstance(token, str) else None)}
    return _change(places.telemetry_headers, _json(headers))


def stored_config(path: Path) -> dict[str, Any]:
    """The configuration; empty without a file. Raises CannotChange if it is damaged."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CannotChange(f"{path} cannot be read ({error.strerror or error}).") from None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CannotChange(f"{path} is damaged. Remove it, and try again.")
    return value


def config_file(places: Places, changes: Mapping[str, Any]) -> Change:
    """The configuration with these members changed, or taken out (None). A machine keeps the id that it has."""
    config = stored_config(places.config)
    wanted = {
        # As they are now, if the shipper has made them already.
        "machine_id": secrets.token_hex(16),
        "machine_name": platform.node()[:MAX_USER_CHARACTERS] or "machine",
        **read_object(places.capture / "machine.json"),
        **config,
        **changes,
    }
    wanted = {key: value for key, value in wanted.items() if value is not None}
    return _change(places.config, places.config.read_bytes() if wanted == config else _json(wanted))


def tracker_command() -> list[str]:
    """How to run this `tracker` from anywhere: the command of the clone, else this Python with the installed package."""
    command = _CLONE / "tracker"
    if os.access(command, os.X_OK) and (_CLONE / ".venv").is_dir():
        return [str(command)]
    return [sys.executable, "-P", "-m", "client"]


def ship_script(command: list[str], places: Places) -> str:
    """Starts the shipper; hook.sh runs it when none runs. After a clone was moved, the `tracker` in PATH takes its place."""
    claude = places.environment.get("CLAUDE_CONFIG_DIR")
    return (
        "#!/bin/sh\n"
        "# Written by `tracker connect`. The hook runs it when no shipper runs. Address and key are those of config.json, and the\n"
        "# folders are those of `tracker connect`: the settings of a project may bring others, which are not meant for what this\n"
        "# machine sends.\n"
        "unset TRACKER_URL TRACKER_TOKEN\n"
        f"export TRACKER_CAPTURE_DIR={shlex.quote(str(places.capture))}\n"
        + (f"export CLAUDE_CONFIG_DIR={shlex.quote(claude)}\n" if claude else "unset CLAUDE_CONFIG_DIR\n")
        + f'[ -x {shlex.quote(command[0])} ] && exec {shlex.join(command)} ship "$@"\n'
        'exec tracker ship "$@"\n'
    )


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _change(path: Path, after: bytes) -> Change:
    return Change(path, path.read_bytes() if path.is_file() else None, after)
