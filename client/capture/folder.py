"""The private folder of capture, what is in it, and its settings. Each person on a machine has one.

TRACKER_CAPTURE_DIR moves it for the commands that a person types. A hook has its folder from `tracker connect`.

config.json     the settings, which `tracker connect` writes
commands/       a file for each command that `tracker capture` runs now, with the folder for its sessions
connected.json  what `tracker connect` changed, for `tracker disconnect`
hook.sh, ship   the hook, and how to start `tracker ship`
statusline.sh   the status line
otel-headers.json  the key, for Claude Code's telemetry
spool/          payloads of hooks that are still to be sent
readings/       what statusline.sh kept, a file for each session
today, limits   what the status line shows beyond its session
told-sessions.json  the processes of Claude Code that the server takes for alive
full            is there while the spool has reached its bounds
lock            held by the shipper that runs
shipper.pid     its process; the file's time is in the future as long as it runs, and the file stays
starting.pid    the process of a hook that starts a shipper
scan-now        asks the shipper that runs to look at everything now
imported/       what imports brought, for the shipper
sent.jsonl      how much of each transcript is sent
machine.json    the id and the name of this machine
status.json     what the shipper did last, for `tracker doctor`
"""

import json
import os
import platform
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LOCAL_URL: Final = "http://127.0.0.1:8000"
SERVER_VARIABLES: Final = ("TRACKER_URL", "TRACKER_TOKEN")
MAX_USER_CHARACTERS: Final = 200
COMMANDS: Final = "commands"
_MACHINE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_PRIVATE_FOLDER: Final = 0o700


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """Where this machine sends what it captures, and as whom. `left_out`: folders of which nothing leaves the machine."""

    url: str
    token: str | None
    user: str | None
    machine_id: str
    machine_name: str
    left_out: tuple[str, ...]
    # Only sessions of which a hook tells: those of `tracker capture`, whose folder knows nothing of older transcripts.
    only_hooked: bool = False
    # The machine stands for all jobs of a user (`tracker capture`): no other shipper reports it.
    is_for_jobs: bool = False
    # Only these folders, as `tracker connect --project` says; empty: all.
    only: tuple[str, ...] = ()


def capture_folder(environment: Mapping[str, str], home: Path) -> Path:
    """The folder, which may not exist."""
    return Path(environment.get("TRACKER_CAPTURE_DIR") or home / ".claude-tracker")


def hook_folder(given: Path | None, environment: Mapping[str, str], home: Path) -> Path:
    """The folder for the payload of a hook, as hook.sh finds it. `given`: what `tracker connect` wrote into the hook's command.

    The settings of any project can set variables, so TRACKER_CAPTURE_DIR counts only for a command that `tracker capture` runs. An older
    `tracker connect` wrote no folder: then it is the default one, if that is connected.
    """
    moved = environment.get("TRACKER_CAPTURE_DIR")
    folder = given or home / ".claude-tracker"
    if moved is None:
        return folder
    if given is None and not (folder / "config.json").exists():
        return Path(moved)
    try:
        is_of_a_command = (folder / COMMANDS / Path(moved).name).read_text().rstrip("\n") == moved
    except (OSError, ValueError):
        is_of_a_command = False
    return Path(moved) if is_of_a_command else folder


def make_private_folder(folder: Path) -> None:
    """Makes the folder, for its owner alone. OSError if it cannot be made."""
    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)


def read_config(folder: Path, environment: Mapping[str, str]) -> CaptureConfig:
    """The settings: environment before config.json. A file that is missing or broken counts as empty."""
    stored = read_object(folder / "config.json")
    machine = _machine(folder, stored)
    url, token = server_of(stored, environment.get("TRACKER_URL"), environment.get("TRACKER_TOKEN"))
    return CaptureConfig(
        url=url,
        token=token,
        user=text_of(stored, "user") or user_name(environment),
        machine_id=machine["machine_id"],
        machine_name=machine["machine_name"],
        left_out=texts_of(stored, "left_out"),
        only_hooked=stored.get("only_hooked") is True,
        is_for_jobs=stored.get("is_for_jobs") is True,
        only=texts_of(stored, "only"),
    )


def server_of(stored: dict[str, Any], url: str | None, token: str | None) -> tuple[str, str | None]:
    """Address and key: those given, else those of config.json, else this machine's. The key of config.json goes to its own address only."""
    own_url = text_of(stored, "url") or LOCAL_URL
    address = url or own_url
    return address, token or (text_of(stored, "token") if address.rstrip("/") == own_url.rstrip("/") else None)


def user_name(environment: Mapping[str, str]) -> str | None:
    """The name of the person on this machine, as getpass finds it but without its imports. None if it has none, as in some containers."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if value := environment.get(name):
            return value.encode("utf-8", "replace").decode()[:MAX_USER_CHARACTERS]
    try:
        import pwd  # noqa: PLC0415  # not on Windows

        return pwd.getpwuid(os.getuid()).pw_name[:MAX_USER_CHARACTERS]
    except (ImportError, KeyError):
        return None


def _machine(folder: Path, stored: dict[str, Any]) -> dict[str, str]:
    """The id and the name, made once. If two are made at once, one wins."""
    known = read_object(folder / "machine.json")
    machine_id = text_of(stored, "machine_id") or text_of(known, "machine_id") or ""
    name = text_of(stored, "machine_name") or text_of(known, "machine_name") or platform.node()[:MAX_USER_CHARACTERS] or "machine"
    if not _MACHINE_ID.fullmatch(machine_id):
        made = {"machine_id": secrets.token_hex(16), "machine_name": name}
        make_private_folder(folder)
        write_private(folder / "machine.json", json.dumps(made))
        machine_id = text_of(read_object(folder / "machine.json"), "machine_id") or made["machine_id"]
    return {"machine_id": machine_id, "machine_name": name}


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object of a file; empty without a file or an object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_pid(path: Path) -> int | None:
    """The number of a process that a file names."""
    try:
        text = path.read_text().strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isascii() and text.isdigit() else None


def write_private(path: Path, content: str) -> None:
    """Writes a file for its owner alone, whole or not at all. OSError if it cannot be written."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def text_of(values: dict[str, Any], name: str) -> str | None:
    """The member, if it is a text that is not empty."""
    value = values.get(name)
    return value if isinstance(value, str) and value else None


def texts_of(values: dict[str, Any], name: str) -> tuple[str, ...]:
    """The texts of a member that is a list."""
    value = values.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
