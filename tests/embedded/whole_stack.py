"""A whole embedded stack, started and stopped by a test."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.embedded.paths import REPOSITORY, Paths

Eventually = Callable[[Callable[[], bool]], None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """A data folder, the ports, and the run that is on."""

    def __init__(self, folder: Path, flower: bool) -> None:
        self.paths = Paths(folder / "data")
        self.port, self.flower_port = free_port(), free_port()
        self.env = os.environ | {
            "TRACKER_DATA_DIR": str(self.paths.data_dir),
            "TRACKER_PORT": str(self.port),
            "TRACKER_FLOWER_PORT": str(self.flower_port) if flower else "off",
        }
        self.process: subprocess.Popen[str] | None = None

    def up(self) -> str:
        """Starts it; returns the banner when it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded"],
            cwd=REPOSITORY,
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if "Stop" in line:
                return said
        raise AssertionError(f"it did not start: {said}")

    def refusal(self, **env: str) -> str:
        """Tries a second start; what it says on stderr."""
        again = subprocess.run(
            [sys.executable, "-m", "deploy.embedded"], cwd=REPOSITORY, env=self.env | env, capture_output=True, text=True, check=False
        )
        assert again.returncode == 1
        return again.stderr

    def control(self, command: str) -> str:
        """`make <command>`, from outside."""
        argv = [sys.executable, "-m", "deploy.embedded.control", command]
        return subprocess.run(argv, cwd=REPOSITORY, env=self.env, capture_output=True, text=True, check=True).stdout

    def pids(self) -> dict[str, int]:
        """The processes by name."""
        return {file.stem: int(file.read_text().split()[0]) for file in self.paths.run.glob("*.pid")}

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The API's answer, decoded; None without an answer, or if it is not 2xx."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            return None

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        return self.call("/readyz") is not None

    def messages(self) -> int:
        """How many messages are stored."""
        answer = self.call("/api/stats")
        return -1 if answer is None else int(answer["totals"]["messages"])
