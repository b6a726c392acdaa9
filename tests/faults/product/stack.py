"""The product as `make up` runs it, on a data folder of its own: started, looked into, its supervisor held back, stopped."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import httpx2 as httpx
import psycopg
from psycopg import Connection
from redis import Redis

from deploy.embedded.paths import REPOSITORY, Paths
from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.supervision import processes
from tests.faults.devices.proxy import Proxy
from tests.faults.pace import stretched, wait_until

READY_SECONDS = 120.0
STOP_SECONDS = 90.0
SERVICES = ("postgres", "redis", "api", "worker-drain", "worker-background", "beat")


class Stack:
    """One running product. `paths` are its files, `port` its API's, `deaths_wanted` how often each service was ended on purpose.

    With `proxied` the services reach their servers through `redis_proxy` and `postgres_proxy`.
    """

    def __init__(self, folder: Path, *, proxied: bool = False) -> None:
        self.paths = Paths((folder / "data").resolve())
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.deaths_wanted: Counter[str] = Counter()
        self.redis_proxy: Proxy
        self.postgres_proxy: Proxy
        self._is_proxied = proxied
        self._output = folder / "supervisor-output.log"
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._holds = 0
        self._holding = threading.Lock()

    def start(self) -> None:
        """Returns when it says that it is ready; RuntimeError if it does not."""
        self._supervisor = processes.spawn(
            self._command(), log_file=self._output, env=self.environment(), cwd=REPOSITORY, death_signal=signal.SIGTERM
        )
        if not wait_until(lambda: self.is_ready() or not self.is_running(), READY_SECONDS) or not self.is_running():
            raise RuntimeError(f"The stack did not start: {self._output.read_text()[-2000:]}")
        # Ready is not yet watched: the workers come last, and the first kill must meet them.
        if not wait_until(lambda: not self.dead_services(), READY_SECONDS):
            raise RuntimeError(f"Not running: {self.dead_services()}")

    def environment(self) -> dict[str, str]:
        """Its supervisor's settings."""
        return os.environ | {
            "TRACKER_DATA_DIR": str(self.paths.data_dir),
            "TRACKER_PORT": str(self.port),
            "TRACKER_FLOWER_PORT": "off",
            # The tests count their own events alone.
            "TRACKER_CANARY_SECONDS": "0",
        }

    def service_environment(self) -> dict[str, str]:
        """The same for one more process of a service, which finds the servers themselves."""
        return self.environment() | {"TRACKER_REDIS_URL": self._redis.url, "TRACKER_DATABASE_URL": self._postgres.url}

    def _command(self) -> list[str]:
        if not self._is_proxied:
            return [sys.executable, "-m", "deploy.embedded"]
        self.paths.make()
        self.postgres_proxy = Proxy(self._postgres.socket_dir / ".s.PGSQL.5432")
        self.redis_proxy = Proxy(self._redis.socket)
        for proxy in (self.postgres_proxy, self.redis_proxy):
            proxy.start()
        return [sys.executable, "-m", "tests.faults.product.supervised", str(self.postgres_proxy.port), str(self.redis_proxy.port)]

    def stop(self) -> int:
        """Stops it as Ctrl-C does. Its exit code; -9 if it had to be killed."""
        assert self._supervisor is not None
        self._supervisor.send_signal(signal.SIGCONT)
        processes.ask(self._supervisor, signal.SIGTERM)
        code = processes.finish(self._supervisor, stretched(STOP_SECONDS))
        if self._is_proxied:
            self.postgres_proxy.stop()
            self.redis_proxy.stop()
        return code

    def is_running(self) -> bool:
        """Whether the supervisor is alive."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def is_ready(self) -> bool:
        """Whether /readyz says 200."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    @contextmanager
    def nothing_heals(self) -> Iterator[None]:
        """The supervisor is suspended: what dies stays dead. Several at once may ask for it."""
        self._hold(+1)
        try:
            yield
        finally:
            self._hold(-1)

    def _hold(self, change: int) -> None:
        assert self._supervisor is not None
        with self._holding:
            self._holds += change
            self._supervisor.send_signal(signal.SIGSTOP if self._holds else signal.SIGCONT)

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
        return len(self._was_ready_at_deaths(service))

    def deaths_while_starting(self, service: str) -> int:
        """How many of these times it had not yet said that it is ready."""
        return self._was_ready_at_deaths(service).count(False)

    def _was_ready_at_deaths(self, service: str) -> list[bool]:
        """For each death, in order: whether the service was ready before."""
        deaths: list[bool] = []
        is_ready = True
        for line in self.paths.log("supervisor").read_text().splitlines():
            if f" {service} was killed by" in line or f" {service} ended with" in line:
                deaths.append(is_ready)
                is_ready = False
            elif f" {service} runs again" in line:
                is_ready = True
        return deaths

    @cached_property
    def _postgres(self) -> PostgresServer:
        return PostgresServer(self.paths.postgres, self.paths.run, self.paths.log("postgres"))

    @cached_property
    def _redis(self) -> RedisServer:
        return RedisServer(self.paths.redis, self.paths.run, self.paths.log("redis"))

    def database(self) -> Connection[tuple[object, ...]]:
        """A new connection to Postgres, past any proxy, in autocommit."""
        return psycopg.connect(self._postgres.url, autocommit=True, connect_timeout=2)

    def redis(self, *, decode_responses: bool = True) -> Redis:
        """A new client of Redis, past any proxy."""
        return Redis.from_url(self._redis.url, socket_timeout=5, decode_responses=decode_responses)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
