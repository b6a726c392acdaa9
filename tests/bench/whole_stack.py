"""A whole `make up` with data of its own, into which a folder of transcripts is imported."""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.searchable import SEARCH, is_searchable

_READY_SECONDS = 180
_SEARCHABLE_SECONDS = 1_200


@contextlib.contextmanager
def started(code: Path, home: Path, data: Path) -> Iterator[Mapping[str, str]]:
    """The stack of a checkout. Gives the environment of its commands, whose transcripts are those of `home`. At the end the data is deleted."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"TRACKER_PORT": str(port), "TRACKER_DATA_DIR": str(data), "TRACKER_FLOWER_PORT": "off", "HOME": str(home)}
    environment["TRACKER_URL"] = f"http://127.0.0.1:{port}"
    with (home.parent / "stack.log").open("ab") as output:
        stack = subprocess.Popen(
            [code / ".venv/bin/python", "-m", "deploy.embedded"],
            cwd=code,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await(lambda: _get(environment, "/readyz") is not None, _READY_SECONDS)
        yield environment
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait(90)
        shutil.rmtree(data, ignore_errors=True)


def import_home(code: Path, environment: Mapping[str, str]) -> None:
    """Returns when everything is stored."""
    command = [code / ".venv/bin/python", "-P", "-m", "client", "import", "--quiet"]
    done = subprocess.run(command, cwd=code, env={**environment, "PYTHONPATH": str(code)}, check=False)
    if done.returncode not in (0, 2):
        raise RuntimeError(f"the import ended with {done.returncode}")


def await_searchable(environment: Mapping[str, str]) -> None:
    """Returns when everything can be found."""
    _await(lambda: (answer := _get(environment, SEARCH)) is not None and is_searchable(answer), _SEARCHABLE_SECONDS)


def bytes_in(folder: Path) -> int:
    """The size of its files on the disk. A file that goes meanwhile takes nothing."""
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            size += found.st_blocks * 512 if stat.S_ISREG(found.st_mode) else 0
    return size


def _get(environment: Mapping[str, str], path: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(environment["TRACKER_URL"] + path, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, ValueError):
        return None


def _await(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.5)
