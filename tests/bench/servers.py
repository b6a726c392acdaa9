"""The services under measurement, each a uvicorn process of its own on a free loopback port."""

import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded import processes

READY_SECONDS = 60.0
STOP_SECONDS = 15.0


@contextmanager
def uvicorn(factory: str, environment: Mapping[str, str], log_file: Path) -> Iterator[int]:
    """Runs an app factory ("module:function") in one process; gives its port once it answers. RuntimeError if it does not start."""
    port = free_port()
    argv = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        factory,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-access-log",
        "--timeout-keep-alive",
        "600",
    ]
    process = processes.spawn(argv, log_file=log_file, env=os.environ | environment | {"TRACKER_LOG_LEVEL": "WARNING"})
    try:
        if not processes.wait_until(lambda: _answers(port) or process.poll() is not None, READY_SECONDS) or process.poll() is not None:
            raise RuntimeError(f"{factory} did not start; its reason is at the end of {log_file}")
        yield port
    finally:
        processes.ask(process, signal.SIGTERM)
        processes.finish(process, STOP_SECONDS)


def free_port() -> int:
    """A port nobody listens on now."""
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
