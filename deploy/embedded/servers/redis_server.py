"""A Redis (or Valkey) server of our own on a unix socket. It answers a write only once it is on the disk."""

import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from deploy.embedded.servers.own_server import OwnServer
from deploy.embedded.servers.sockets import socket_folder
from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import StartError
from deploy.redis_install import MISSING
from deploy.redis_install import PROGRAM as INSTALLED

_SOCKET_NAME = "redis.sock"

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    # The journal's promise: a write is answered when it is on the disk (docs/explanation/celery-redis-postgres.md).
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "aof-load-truncated": "yes",
    "save": "",
    "stop-writes-on-bgsave-error": "yes",
    "maxmemory": "1gb",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    "tcp-backlog": "128",
    # Two wake-ups a second while idle, in place of ten. A client that waits for at most a second then waits up to half a second more.
    "hz": "2",
}


class RedisServer(OwnServer):
    """One server on `data_dir`, its socket in `run_dir` (or a shorter folder), its output in `log_file`."""

    product = "Redis"
    stop_signal = signal.SIGTERM
    stop_seconds = 10.0

    def __init__(self, data_dir: Path, run_dir: Path, log_file: Path, settings: dict[str, str] | None = None) -> None:
        super().__init__(data_dir, log_file)
        self.settings = SETTINGS | (settings or {})
        self.socket = socket_folder(run_dir.resolve(), _SOCKET_NAME) / _SOCKET_NAME
        self.url = f"unix://{self.socket}?db=0"

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the server without waiting for it."""
        program = server_program()
        self._check_version(program)
        self.kill_leftovers()
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = self.settings | {"unixsocket": str(self.socket), "dir": str(self.data_dir)}
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        # Without its parent the server still stops cleanly.
        self.process = processes.spawn([program, *options], log_file=self.log_file, death_signal=self.stop_signal)
        return self.process

    def is_ready(self) -> bool:
        """Whether it answers PING; while it loads its data it does not say PONG."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def _check_version(self, program: Path) -> None:
        """Redis 7 and later keep their file in a folder. An older Redis does not read that folder, and would begin empty."""
        major = server_version(program)[0]
        if major < 7 and (self.data_dir / "appendonlydir").exists():
            raise StartError(
                f"{self.data_dir} was written by Redis 7 or later, or Valkey, and {program} is Redis {major}, which cannot read it. "
                "Put the newer redis-server or valkey-server back on PATH."
            )


def server_program() -> Path:
    """redis-server or valkey-server on PATH, else the one that deploy/redis_install.py put into `.venv`. StartError if neither exists."""
    for name in ("redis-server", "valkey-server", INSTALLED):
        if found := shutil.which(name):
            return Path(found)
    raise StartError(MISSING)


def server_version(program: Path) -> tuple[int, ...]:
    """(6, 2, 14) of "Redis server v=6.2.14 sha=…". Valkey's 7 and later count on from Redis 7."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", answer)
    if found is None:
        raise StartError(f"{program} does not tell its version; is it a Redis or Valkey server? It said: {answer.strip()[:200]!r}")
    return tuple(int(part) for part in found.groups())
