"""A person with a home, a capture folder and a server that takes what is captured."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from client.capture.hooks import hook
from tests.flow.client.claude_home import ClaudeHome
from tests.forked_tracker import TrackerForks
from tests.unit.client.capture.capture_server import CaptureServer, capture_server

REPOSITORY = Path(__file__).parents[4]
HOOK = Path(hook.__file__).with_name("hook.sh")
# The command that a launcher and the installed `tracker` run.
SHIP = [sys.executable, "-P", "-m", "client", "ship"]


@dataclass(frozen=True)
class Person:
    """Somebody with a home folder who is connected to a server."""

    home: ClaudeHome
    environment: dict[str, str]
    forks: TrackerForks
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.home.path / ".claude-tracker"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def hook(self, payload: bytes, *, shell: str = "sh", **changes: str) -> "subprocess.CompletedProcess[bytes]":
        """Claude Code calls the hook."""
        return subprocess.run(
            [shell, str(HOOK), str(self.folder)],
            input=payload,
            capture_output=True,
            env=self.environment | changes,
            timeout=30,
            check=False,
        )

    def ship(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        """`tracker ship` with these arguments, until it ends."""
        return self.forks.run(["ship", *(arguments or ("--once",))], env=self.environment | changes)

    def shipper(self, *arguments: str, **changes: str) -> "subprocess.Popen[bytes]":
        """`tracker ship` that goes on, to the end of the test at most."""
        return self._start([*SHIP, *(arguments or ("--forever",))], changes)

    def quiet_shipper(self, quiet_seconds: int) -> "subprocess.Popen[bytes]":
        """One that ends when nothing was heard for so long."""
        ship = f"ship('until-quiet', 0, os.environ, pathlib.Path.home(), quiet_seconds={quiet_seconds})"
        return self._start([sys.executable, "-P", "-c", f"import os, pathlib; from client.capture.ship import ship; {ship}"], {})

    def _start(self, command: list[str], changes: dict[str, str]) -> "subprocess.Popen[bytes]":
        self.running.append(subprocess.Popen(command, env=self.environment | changes, stdin=subprocess.DEVNULL, start_new_session=True))
        return self.running[-1]

    def note_shipper(self, pid: int, ahead: float = 180.0) -> None:
        """As a shipper notes that it runs, and for how many seconds that holds."""
        path = self.folder / "shipper.pid"
        path.write_text(f"{pid}\n")
        os.utime(path, (time.time() + ahead, time.time() + ahead))


@pytest.fixture
def server() -> Iterator[CaptureServer]:
    with capture_server() as running:
        yield running


@pytest.fixture
def person(tmp_path: Path, server: CaptureServer, forks: TrackerForks) -> Iterator[Person]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "CLAUDE_"))}
    home = ClaudeHome(tmp_path / "home")
    home.path.mkdir()
    own = {"HOME": str(home.path), "TRACKER_URL": server.url, "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8"}
    person = Person(home, kept | own, forks)
    yield person
    for process in person.running:
        process.kill()
        process.wait()


def payload_of(transcript: Path, event: str = "Stop", **more: object) -> bytes:
    named = {"session_id": transcript.stem, "transcript_path": str(transcript), "cwd": "/home/ann/shop", "hook_event_name": event}
    return json.dumps(named | more).encode()


def put(person: Person, payload: bytes, name: str = "1-0") -> Path:
    """A payload in the spool, of a hook that has ended."""
    person.spool.mkdir(parents=True, exist_ok=True)
    path = person.spool / name
    path.write_bytes(payload)
    return path
