"""The product's processes, each by itself as on machines of their own: the API, any number of workers, beat."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.supervision import processes

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
_APP = "services.worker.app"
_WORKER = ("worker", "--without-gossip", "--without-mingle", "-c", "1")


@dataclass
class Pipeline:
    """The running processes, by name. `port` is the API's."""

    folder: Path
    environment: Mapping[str, str]
    listening: socket.socket
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def port(self) -> int:
        number: int = self.listening.getsockname()[1]
        return number

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_api(self) -> None:
        """Returns when it is alive; ready it may be later."""
        descriptor = self.listening.fileno()
        argv = [sys.executable, "-m", "deploy.embedded.servers.gateway", str(descriptor)]
        self.running["api"] = processes.spawn(argv, log_file=self.log("api"), env=self.environment, cwd=REPOSITORY, pass_fds=[descriptor])
        assert processes.wait_until(lambda: self.answers("/healthz"), READY_SECONDS), self.log("api").read_text()[-3000:]

    def start_worker(self, name: str, queues: str = "drain", **changes: str) -> None:
        """Returns when it takes tasks."""
        self._celery(name, [*_WORKER, "-Q", queues, "-n", f"{name}@%h"], changes)

    def start_beat(self, **changes: str) -> None:
        self._celery("beat", ["beat", "--pidfile="], changes)

    def kill(self, name: str) -> None:
        """SIGKILL; its pool dies with it."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        processes.ask(process, signal.SIGTERM)
        processes.finish(process, STOP_SECONDS)

    def answers(self, path: str) -> bool:
        """Whether it is answered 200."""
        try:
            return httpx.get(f"{self.url}{path}", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def post(self, path: str, content: object) -> httpx.Response:
        """The answer to a JSON body."""
        return httpx.post(f"{self.url}{path}", json=content, timeout=10, trust_env=False)

    def await_ready(self, seconds: float = READY_SECONDS) -> None:
        assert processes.wait_until(lambda: self.answers("/readyz"), seconds), self.tail()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def tail(self) -> str:
        """The end of every log, for a failed assertion."""
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in sorted(self.folder.glob("*.log")))

    def _celery(self, name: str, arguments: list[str], changes: Mapping[str, str]) -> None:
        ready = self.folder / f"{name}.ready"
        ready.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "deploy.embedded.servers.celery_command", str(ready), _APP, *arguments]
        self.running[name] = processes.spawn(argv, log_file=self.log(name), env={**self.environment, **changes}, cwd=REPOSITORY)
        assert processes.wait_until(ready.exists, READY_SECONDS), self.log(name).read_text()[-3000:]


@contextmanager
def pipeline(folder: Path, **settings: str) -> Iterator[Pipeline]:
    """Nothing runs yet; at the end nothing does any more. `settings` are TRACKER_* without the prefix, in lower case."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    told = {"blob_url": (folder / "blobs").as_uri(), "canary_seconds": "0", **settings}
    environment = kept | {f"TRACKER_{name.upper()}": value for name, value in told.items()}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Pipeline(folder, environment, listening)
        try:
            yield found
        finally:
            for process in found.running.values():
                processes.ask(process, signal.SIGTERM)
            for process in found.running.values():
                processes.finish(process, STOP_SECONDS)
