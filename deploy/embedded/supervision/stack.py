"""The processes of the stack: how each is started and when it is ready."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploy.embedded.paths import REPOSITORY, Paths
from deploy.embedded.servers.own_server import OwnServer
from deploy.embedded.supervision import forks, processes
from deploy.embedded.supervision.child import Service
from deploy.embedded.supervision.processes import Process

STOP_ORDER = (("api",), ("beat", "flower"), ("worker-drain", "worker-background"), ("redis",), ("postgres",))
# The local address of a wildcard address.
_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
# Tasks that Flower remembers. Its default of 100,000 would be hundreds of MB.
_FLOWER_TASKS = 2_000
# The queues of each worker (shared/broker.py).
WORKERS = {"worker-drain": "drain,capture", "worker-background": "import,maintenance"}


@dataclass(frozen=True)
class Address:
    """Where the API is served, on a socket that outlives its process."""

    host: str
    port: int
    listening: socket.socket

    @property
    def url(self) -> str:
        """As this machine reaches it; without a slash at the end."""
        host = _ON_THIS_MACHINE.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def environment(paths: Paths, database_url: str, redis_url: str) -> dict[str, str]:
    """The environment of every process. The other TRACKER_… variables are the user's, and passed on."""
    return os.environ | {
        "TRACKER_DATABASE_URL": database_url,
        "TRACKER_QUERY_DATABASE_URL": database_url,
        "TRACKER_REDIS_URL": redis_url,
        "TRACKER_BLOB_URL": paths.blobs.as_uri(),
        "TRACKER_ARCHIVE_URL": paths.archive.as_uri(),
        "TRACKER_SEARCH_FOLDER": str(paths.search),
        # Two memory arenas instead of eight for each core.
        "MALLOC_ARENA_MAX": "2",
    }


def server_service(name: str, server: OwnServer, paths: Paths) -> Service:
    """The database, or the journal and the queues."""
    return Service(
        name=name,
        launch=server.launch,
        is_ready=server.is_ready,
        log_file=server.log_file,
        pid_file=paths.pid(name),
        stop_signal=server.stop_signal,
        stop_seconds=server.stop_seconds,
        # Parts of PostgreSQL's folder may be on separate disks.
        folders=(paths.data_dir, server.data_dir, server.data_dir / "base", server.data_dir / "pg_wal"),
    )


def migration(paths: Paths, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Brings the schema up to date and ends. A process of its own, so that the supervisor stays small."""
    argv = [sys.executable, "-m", "deploy.migrations.migrate"]
    return processes.spawn(argv, log_file=paths.log("migrate"), env=env, cwd=REPOSITORY)


def api_service(address: Address, paths: Paths, env: Mapping[str, str]) -> Service:
    """Both API services in one process."""
    descriptor = address.listening.fileno()

    def launch() -> Process:
        return forks.start(
            "deploy.embedded.servers.gateway",
            [str(descriptor)],
            name="api",
            log_file=paths.log("api"),
            env=env,
            cwd=REPOSITORY,
            pass_fds=[descriptor],
        )

    return Service(
        "api", launch, lambda: _answers(f"{address.url}/healthz"), paths.log("api"), paths.pid("api"), signal.SIGTERM, 15, (paths.data_dir,)
    )


def celery_services(paths: Paths, env: Mapping[str, str], *, is_watched: bool) -> list[Service]:
    """The workers and beat. Gossip and mingle are for workers that elect or share state; these do not. Only Flower hears heartbeats."""
    worker = ["worker", "--without-gossip", "--without-mingle", *([] if is_watched else ["--without-heartbeat"])]
    return [
        # A second process only while the first is busy: a long transcript is read beside what else comes.
        _celery("worker-drain", [*worker, "--autoscale", "2,1", "-Q", WORKERS["worker-drain"], "-n", "drain@%h"], paths, env),
        # One process while nothing is imported; then two shards and a maintenance task at a time. A person who works on this machine does not
        # wait for them: beside an import, Claude Code's sessions took 1.25 times as long, and 1.07 times since it gives way.
        _celery(
            "worker-background",
            [*worker, "--autoscale", "3,1", "-Q", WORKERS["worker-background"], "-n", "background@%h"],
            paths,
            env,
            gives_way=True,
        ),
        # New events wake the workers without beat; only work that was left behind waits for it.
        replace(_celery("beat", ["beat", "--pidfile="], paths, env), is_vital=False),
    ]


def flower_service(paths: Paths, env: Mapping[str, str], port: int, login: str) -> Service:
    """Flower, on loopback. It asks the workers for their settings once, so it is started after them."""
    arguments = ["flower", "--address=127.0.0.1", f"--port={port}", f"--max_tasks={_FLOWER_TASKS}"]
    # Not an argument: every user on this machine can read arguments.
    service = _celery("flower", arguments, paths, {**env, "FLOWER_BASIC_AUTH": login})
    return replace(service, is_ready=lambda: _answers(f"http://127.0.0.1:{port}/healthcheck"), stop_seconds=5, is_vital=False)


def _celery(name: str, arguments: list[str], paths: Paths, env: Mapping[str, str], *, gives_way: bool = False) -> Service:
    ready = paths.ready(name)
    command = [str(ready), "services.worker.app", *arguments]

    def launch() -> Process:
        ready.unlink(missing_ok=True)
        return forks.start(
            "deploy.embedded.servers.celery_command",
            command,
            name=name,
            log_file=paths.log(name),
            env=env,
            cwd=REPOSITORY,
            gives_way=gives_way,
        )

    return Service(name, launch, ready.exists, paths.log(name), paths.pid(name), signal.SIGTERM, 30, (paths.data_dir,))


def _answers(url: str) -> bool:
    try:
        # No proxy: a proxy from the environment cannot reach this machine's loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
