"""The whole pipeline as it runs for a user: both services over HTTP, a real Celery worker with its pool, beat, Postgres, Redis."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.conftest import make_database
from tests.flow.client.claude_home import ClaudeHome
from tests.forked_tracker import TrackerForks
from tests.kept_connection import select_rows
from tests.searchable import SEARCH, is_searchable
from tests.worker_command import BEAT_COMMAND, WORKER_COMMAND

REPOSITORY = Path(__file__).parent.parent.parent
# Long for a machine that does much else.
READY_SECONDS = 180
# A worker that has imported stops within ten seconds on a machine that is not busy.
STOP_SECONDS = 90
# The command that ./tracker and the installed `tracker` run.
TRACKER = [sys.executable, "-P", "-m", "client"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Ask = Callable[..., str]
WAIT = {"Prefer": "wait=20"}


@dataclass(frozen=True)
class Stack:
    """A running pipeline. `http` speaks to its one address; `database_url` is for looking behind it."""

    http: httpx.Client
    database_url: str
    log_folder: Path
    environment: dict[str, str]
    # The processes: api, worker (its pool processes are its children), beat.
    pids: dict[str, int]

    def select(self, sql: str) -> list[tuple[object, ...]]:
        return select_rows(self.database_url, sql)

    def is_searchable(self) -> bool:
        """True if searches find all that is stored."""
        return is_searchable(self.http.get(SEARCH).json())


@pytest.fixture(scope="session")
def stack(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(folder, postgres_url, redis_server_url, 1, TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        yield running


@contextmanager
def running_stack(folder: Path, postgres_url: str, redis_server_url: str, redis_database: int, **settings: str) -> Iterator[Stack]:
    """A pipeline of its own."""
    database_url = make_database(postgres_url, f"flow_{redis_database}_test")
    environment = os.environ | {
        "TRACKER_DATABASE_URL": database_url,
        "TRACKER_QUERY_DATABASE_URL": database_url,
        "TRACKER_REDIS_URL": re.sub(r"(\?db=|/)0$", rf"\g<1>{redis_database}", redis_server_url),
        # Its own: a scrub deletes at once what no row of its database refers to.
        "TRACKER_ARCHIVE_URL": (folder / "archive").as_uri(),
        # Its own place is the first one.
        "TRACKER_SEARCH_FOLDER": str(folder / "search"),
        "TRACKER_CANARY_SECONDS": "0",
    }
    environment |= settings
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    processes = {
        "api": ["-m", "deploy.embedded.servers.gateway", str(listening.fileno())],
        "worker": WORKER_COMMAND,
        "beat": BEAT_COMMAND,
    }
    running = [start(name, arguments, environment, folder, listening) for name, arguments in processes.items()]
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            assert wait_until(lambda: _ready(client), READY_SECONDS), _logs(folder)
            yield Stack(client, database_url, folder, environment, dict(zip(processes, (process.pid for process in running), strict=True)))
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(STOP_SECONDS)
        listening.close()


@contextmanager
def second_api(stack: Stack, **environment: str) -> Iterator[httpx.Client]:
    """Another process of the API before the same pipeline, with other settings."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        arguments = ["-m", "deploy.embedded.servers.gateway", str(listening.fileno())]
        process = start("second-api", arguments, stack.environment | environment, stack.log_folder, listening)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=30) as client:
                assert wait_until(lambda: _answers(client, "/healthz"), READY_SECONDS), _logs(stack.log_folder)
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def start(
    name: str, arguments: list[str], environment: dict[str, str], folder: Path, listening: socket.socket | None = None
) -> "subprocess.Popen[bytes]":
    """A process of a stack, whose log is in the folder."""
    descriptors = [] if listening is None else [listening.fileno()]
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen([sys.executable, *arguments], cwd=REPOSITORY, env=environment, stdout=log, stderr=log, pass_fds=descriptors)


def _ready(client: httpx.Client) -> bool:
    return _answers(client, "/readyz")


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def _logs(folder: Path) -> str:
    return "\n".join(f"{path.name}: {path.read_text()[-3000:]}" for path in folder.glob("*.log"))


@pytest.fixture
def home(tmp_path: Path) -> ClaudeHome:
    return ClaudeHome(tmp_path / "home")


@pytest.fixture
def environment(stack: Stack, home: ClaudeHome) -> dict[str, str]:
    return environment_of(stack, home)


def environment_of(stack: Stack, home: ClaudeHome) -> dict[str, str]:
    """The environment of a user with this home folder; the machine's own files are not touched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "CLAUDE_", "XDG_"))}
    return kept | {"HOME": str(home.path), "TRACKER_URL": str(stack.http.base_url), "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def tracker(forks: TrackerForks, environment: dict[str, str], tmp_path: Path) -> Run:
    def run(*arguments: str | Path, **changes: str) -> "subprocess.CompletedProcess[str]":
        return forks.run(arguments, env=environment | changes, cwd=tmp_path)

    return run


@pytest.fixture
def ask(tracker: Run) -> Ask:
    """The output of `tracker`, which must succeed."""

    def run(*arguments: str | Path, **changes: str) -> str:
        done = tracker(*arguments, **changes)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def start_session(stack: Stack, **more: str) -> tuple[str, int]:
    body = {"project_path": f"/home/ann/{uuid4()}", "start_time": "2026-03-01T10:00:00", "user": "ann"} | more
    answer = stack.http.post("/api/sessions/start", json=body, headers=WAIT)
    assert answer.status_code == 201, answer.text
    return answer.json()["session_id"], answer.json()["project_id"]


def write_event(stack: Stack, path: str, **body: object) -> dict[str, object]:
    answer = stack.http.post(path, json=body, headers=WAIT)
    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["status"] == "persisted"
    result: dict[str, object] = answer.json()
    return result
