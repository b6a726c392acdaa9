"""`tracker hook`: what hook.sh does, for systems without a POSIX shell. It prints nothing and never fails: Claude Code waits for it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import client
from client.capture.folder import SERVER_VARIABLES, hook_folder, make_private_folder
from client.capture.lock import running_shipper


def take_payload(given: Path | None, environment: Mapping[str, str], home: Path) -> None:
    """Puts standard input into the spool of the folder that the hook's command names, and starts `tracker ship` if none runs."""
    # Any fault of this machine must let Claude Code go on.
    with suppress(Exception):
        folder = hook_folder(given, environment, home)
        content = sys.stdin.buffer.read()
        spool = folder / "spool"
        make_private_folder(spool)
        if not (folder / "full").exists():
            _write(spool, content)
            if running_shipper(folder) is None:
                _start(folder, environment)


def _write(spool: Path, content: bytes) -> None:
    """Under a name that sorts behind no other by itself: the time of the file is its order."""
    path = spool / f"{os.getpid()}-{time.time_ns()}"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
        file.write(content)


def _start(folder: Path, environment: Mapping[str, str]) -> None:
    """Detached, so that the end of Claude Code does not end it."""
    # As the script `ship` does: the settings of a project may bring another address, which is not meant for what this machine sends.
    unwanted = SERVER_VARIABLES if (folder / "ship").exists() else ()
    kept = {name: value for name, value in environment.items() if name not in unwanted}
    command = [sys.executable, "-P", "-m", "client", "ship"]
    detached = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    subprocess.Popen(
        command,
        env={**kept, "TRACKER_CAPTURE_DIR": str(folder), "PYTHONPATH": str(Path(client.__file__).parents[1])},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=detached,
        start_new_session=os.name != "nt",
    )
