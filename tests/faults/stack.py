"""The product as `make up` runs it, on a data folder of its own: started, looked into, its supervisor held back, stopped."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import psycopg
from psycopg import Connection
from redis import Redis

from deploy.embedded import processes
from deploy.embedded.paths import REPOSITORY, Paths
from deploy.embedded.postgres import PostgresServer
from deploy.embedded.redis_server import RedisServer

READY_SECONDS = 120.0
STOP_SECONDS = 90.0
SERVICES = ("postgres", "redis", "api", "worker-drain", "worker-background", "beat")


class Stack:
    """One running product. `paths` are its files, `port` its API's."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths((folder / "data").resolve())
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = folder / "supervisor-output.log"
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it says that it is ready; RuntimeError if it does not."""
        env = os.environ | {
            "TRACKER_DATA_DIR": str(self.paths.data_dir),
            "TRACKER_PORT": str(self.port),
            "TRACKER_FLOWER_PORT": "off",
        }
        argv = [sys.executable, "-m", "deploy.embedded"]
        self._supervisor = processes.spawn(argv, log_file=self._output, env=env, cwd=REPOSITORY, death_signal=signal.SIGTERM)
        if not processes.wait_until(lambda: self.is_ready() or not self.is_running(), READY_SECONDS) or not self.is_running():
            raise RuntimeError(f"The stack did not start: {self._output.read_text()[-2000:]}")
        # Ready is not yet watched: the workers come last, and the first kill must meet them.
        if not processes.wait_until(lambda: not self.dead_services(), READY_SECONDS):
            raise RuntimeError(f"Not running: {self.dead_services()}")

    def stop(self) -> int:
        """Stops it as Ctrl-C does. Its exit code; -9 if it had to be killed."""
        assert self._supervisor is not None
        self.let_heal()
        processes.ask(self._supervisor, signal.SIGTERM)
        return processes.finish(self._supervisor, STOP_SECONDS)

    def is_running(self) -> bool:
        """Whether the supervisor is alive."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def is_ready(self) -> bool:
        """Whether /readyz says 200."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def hold_healing(self) -> None:
        """Suspends the supervisor: what dies from now on stays dead."""
        assert self._supervisor is not None
        self._supervisor.send_signal(signal.SIGSTOP)

    def let_heal(self) -> None:
        """The supervisor goes on."""
        assert self._supervisor is not None
        self._supervisor.send_signal(signal.SIGCONT)

    def living_pid(self, service: str) -> int | None:
        """The service's process, None if it is not alive at the moment."""
        try:
            pid, _, started = self.paths.pid(service).read_text().strip().partition(" ")
        except FileNotFoundError:
            return None
        return int(pid) if pid.isdigit() and processes.started_at(int(pid)) == started else None

    def dead_services(self) -> list[str]:
        """Those that should run and do not, or have not yet said that they are ready."""
        return [name for name in SERVICES if self.living_pid(name) is None or not self._has_said_ready(name)]

    def _has_said_ready(self, service: str) -> bool:
        return service in ("postgres", "redis", "api") or self.paths.ready(service).exists()

    def deaths(self, service: str) -> int:
        """How often the supervisor has seen the service die."""
        lines = self.paths.log("supervisor").read_text().splitlines()
        return sum(f" {service} was killed by" in line or f" {service} ended with" in line for line in lines)

    def database(self) -> Connection[tuple[object, ...]]:
        """A new connection to Postgres, in autocommit."""
        server = PostgresServer(self.paths.postgres, self.paths.run, self.paths.log("postgres"))
        return psycopg.connect(server.url, autocommit=True, connect_timeout=2)

    def redis(self) -> Redis:
        """A new client of Redis."""
        server = RedisServer(self.paths.redis, self.paths.run, self.paths.log("redis"))
        return Redis.from_url(server.url, socket_timeout=5, decode_responses=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
