"""The services under measurement, each a process of its own on a free loopback port, in the server that they start themselves in."""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.supervision import processes

READY_SECONDS = 60.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Served:
    """Where a server listens, and its process."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """The share of a core that the process has used so far, its threads together, in user and system time. Linux only: elsewhere NaN."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return float("nan")
        # Behind the name, which may have blanks: state is the first, utime and stime are the 12th and 13th.
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(factory: str, environment: Mapping[str, str], log_file: Path) -> Iterator[Served]:
    """Runs an app factory ("module:function"); goes on once it answers. RuntimeError if it does not start."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.bench.serving", factory, str(port)]
    own = {"TRACKER_LOG_LEVEL": "WARNING", "TRACKER_SEARCH_FOLDER": str(log_file.absolute().parent / "search")}
    process = processes.spawn(argv, log_file=log_file, env={**os.environ, **own, **environment})
    try:
        if not processes.wait_until(lambda: _answers(port) or process.poll() is not None, READY_SECONDS) or process.poll() is not None:
            raise RuntimeError(f"{factory} did not start; its reason is at the end of {log_file}")
        yield Served(port, process.pid)
    finally:
        processes.ask(process, signal.SIGTERM)
        processes.finish(process, STOP_SECONDS)


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return client.recv(16).startswith(b"HTTP/1.1")
    except OSError:
        return False
