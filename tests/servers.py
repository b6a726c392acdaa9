"""The servers that tests run against: real PostgreSQL 18 and Redis, as embedded binaries or as containers.

`TRACKER_TEST_SERVERS=containers` asks for containers, of the images that docker-compose.yml names; the default is `embedded`, which needs nothing.
"""

import os
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.supervision.processes import started_at

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

POSTGRES_IMAGE, REDIS_IMAGE = "postgres:18", "redis:8"
# Several stacks of a test process have one server: 40 connections, as `make up` has them, were too few for browser tests beside kept connections.
# Settings that only help after a power failure are off.
POSTGRES_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_compression": "off",
    "shared_buffers": "128MB",
    "max_connections": "100",
}
REDIS_SETTINGS = {"appendonly": "yes", "appendfsync": "everysec", "databases": "32"}
WAYS = ("embedded", "containers")
# Says whose a container is: host and process.
OWNER = "claude-code-tracker.tests.owner"


@dataclass(frozen=True)
class Server:
    """`named_files` gives the name and content of its log and of each file of its data folder, as it is on the disk now."""

    url: str
    named_files: Callable[[], Iterator[tuple[str, bytes]]]

    def files(self) -> Iterator[bytes]:
        """The contents alone."""
        return (content for _, content in self.named_files())


def way() -> str:
    """One of WAYS. ValueError for another word: a misspelt wish is not silently another way."""
    chosen = os.environ.get("TRACKER_TEST_SERVERS") or "embedded"
    if chosen not in WAYS:
        raise ValueError(f"TRACKER_TEST_SERVERS is {chosen!r}; use one of: {', '.join(WAYS)}.")
    return chosen


@contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """Runs inside; its data, if it is embedded, below `folder`. The URL's database is its empty default one."""
    if way() == "embedded":
        server = PostgresServer(folder / "postgres", folder / "run", folder / "postgres.log", POSTGRES_SETTINGS)
        server.start()
        try:
            yield Server(server.url, lambda: _files_below(folder / "postgres", folder / "postgres.log"))
        finally:
            server.stop()
        return
    _prepare()
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(POSTGRES_IMAGE, username="tracker", password="tracker", dbname="tracker", driver=None)
    settings = [word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
    with container.with_command(["postgres", *settings]).with_kwargs(labels=_labels()):
        yield Server(container.get_connection_url(), lambda: _files_inside(container, "/var/lib/postgresql"))


@contextmanager
def redis(folder: Path) -> Iterator[Server]:
    """Runs inside; its data, if it is embedded, below `folder`. The URL's database is 0."""
    if way() == "embedded":
        server = RedisServer(folder / "redis", folder / "run", folder / "redis.log", REDIS_SETTINGS)
        server.start()
        try:
            yield Server(server.url, lambda: _files_below(folder / "redis", folder / "redis.log"))
        finally:
            server.stop()
        return
    _prepare()
    from testcontainers.community.redis import RedisContainer

    settings = [word for name, value in REDIS_SETTINGS.items() for word in (f"--{name}", value)]
    with RedisContainer(REDIS_IMAGE).with_command(["redis-server", *settings]).with_kwargs(labels=_labels()) as container:
        url = f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
        yield Server(url, lambda: _files_inside(container, "/data"))


def _files_below(folder: Path, log: Path) -> Iterator[tuple[str, bytes]]:
    for path in (log, *folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder.parent)), path.read_bytes()


def _files_inside(container: "DockerContainer", folder: str) -> Iterator[tuple[str, bytes]]:
    yield from zip(("out.log", "errors.log"), container.get_logs(), strict=True)
    chunks, _ = container.get_wrapped_container().get_archive(folder)
    with tempfile.TemporaryFile() as copy:
        copy.writelines(chunks)
        copy.seek(0)
        with tarfile.open(fileobj=copy) as archive:
            for member in archive:
                if (file := archive.extractfile(member)) is not None:
                    yield member.name, file.read()


def _labels() -> dict[str, str]:
    return {OWNER: f"{socket.gethostname()} {os.getpid()}"}


def _prepare() -> None:
    """Every test process removes its own containers; those of one that was killed are removed by the next, so no reaper of theirs is needed."""
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    for container, host, pid in _containers():
        if host == socket.gethostname() and started_at(int(pid)) is None:
            subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True, check=True)


def _containers() -> list[list[str]]:
    """[id, host, pid] of each container of any test process."""
    command = ["docker", "ps", "--all", "--filter", f"label={OWNER}", "--format", f'{{{{.ID}}}} {{{{.Label "{OWNER}"}}}}']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"TRACKER_TEST_SERVERS=containers needs a Docker engine, and none answers: {done.stderr.strip()}")
    return [line.split() for line in done.stdout.splitlines()]
