"""A running tracker with a made-up week that came through the real pipeline, and the dashboard in a real, offline Chromium."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import expect
from redis import Redis

from tests.flow.conftest import REPOSITORY, TRACKER, Stack, running_stack
from tests.made_up_week import write_week
from tests.skips import skip_without

USER = "ann"
# Long for a machine that does much else; what is there sooner is seen sooner.
WAIT_MS = 20_000


@dataclass
class Watch:
    """Records a page's messages on the console, its requests to other origins, and the responses that refused it."""

    origin: str
    # Parts of messages that this page is expected to write.
    allows: tuple[str, ...] = ()
    console: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def on(self, page: Any) -> None:
        page.on("console", lambda message: self._hear(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._hear(f"uncaught: {error}"))
        page.on("request", self._note)
        page.on("response", lambda response: self.refused.append(f"{response.status} {response.url}") if response.status >= 400 else None)

    def _hear(self, text: str) -> None:
        if not any(part in text for part in self.allows):
            self.console.append(text)

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.foreign_requests.append(request.url)


@contextmanager
def pipeline(postgres_url: str, redis_server_url: str, folder: Path, number: int) -> Iterator[Stack]:
    """A tracker of its own, in a database and a Redis database that are empty again afterwards."""
    skip_without("chromium")
    with running_stack(folder, postgres_url, redis_server_url, number, TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        yield running
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE flow_{number}_test WITH (FORCE)".encode())
    with Redis.from_url(running.environment["TRACKER_REDIS_URL"]) as redis:
        redis.flushdb()


@contextmanager
def only_read(running: Stack) -> Iterator[Stack]:
    """For several modules. In the end nobody has written to it."""
    before = written(running)
    yield running
    assert written(running) == before, "A test wrote to a tracker that other modules read."


def written(running: Stack) -> dict[str, object]:
    """{table: rows} of all that the API changes: events, imports, keys, marks, machines; the audit log stands for the rest."""
    acts = ("messages", "tool_calls", "activities", "sessions")
    tables = (*acts, "import_jobs", "api_keys", "session_marks", "saved_views", "machines", "audit_log")
    return {table: running.select(f"SELECT count(*) FROM {table}") for table in tables}


@pytest.fixture(scope="session")
def week_stack(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("week")
    with pipeline(postgres_url, redis_server_url, folder, 13) as running:
        import_week(running, folder / "home")
        with only_read(running):
            yield running


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest, postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The tracker of the modules that say ONLY_READS, or the module's own, so that no other meets what it writes."""
    if getattr(request.module, "ONLY_READS", False):
        yield request.getfixturevalue("week_stack")
        return
    folder = tmp_path_factory.mktemp("dashboard")
    with pipeline(postgres_url, redis_server_url, folder, 8) as running:
        import_week(running, folder / "home")
        yield running


@pytest.fixture(scope="session")
def empty_stack(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A tracker without a session, which all modules read."""
    with pipeline(postgres_url, redis_server_url, tmp_path_factory.mktemp("empty-dashboard"), 9) as running, only_read(running):
        yield running


@pytest.fixture(scope="module")
def own_stack(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Another tracker, for data that other tests would stumble over."""
    with pipeline(postgres_url, redis_server_url, tmp_path_factory.mktemp("own-dashboard"), 10) as running:
        yield running


def origin_of(running: Stack) -> str:
    return str(running.http.base_url).rstrip("/")


def import_week(running: Stack, home: Path) -> None:
    """Ten sessions of the last six days, the newest two hours old, so that every range but "Today" has some."""
    now = datetime.now(UTC)
    write_week(home, now - timedelta(days=6), now - timedelta(hours=2))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "CLAUDE_", "XDG_"))}
    environment |= {"HOME": str(home), "TRACKER_URL": str(running.http.base_url), "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([*TRACKER, "import", "--user", USER, "--quiet", str(home / ".claude")], env=environment, check=True, timeout=120)


OpenPage = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, stack: Stack) -> Iterator[OpenPage]:
    """open_page(path, **context): a new window at this path of the dashboard. In the end no page has written another error, or asked another host.

    `context` are options of Playwright's new_context(), such as timezone_id, color_scheme, viewport. `of` is another tracker's address,
    `allows` has parts of errors that the page is expected to write. `refused` gets the answers that are errors, each as status and address.
    """
    with opener(chromium, str(stack.http.base_url).rstrip("/")) as opened:
        yield opened


@contextmanager
def opener(chromium: Any, origin: str) -> Iterator[OpenPage]:
    watches: list[Watch] = []
    contexts: list[Any] = []

    def opened(path: str, *, of: str = origin, allows: tuple[str, ...] = (), refused: list[str] | None = None, **options: Any) -> Any:
        expect.set_options(timeout=WAIT_MS)
        context = chromium.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        contexts.append(context)
        watch = Watch(of, allows, refused=[] if refused is None else refused)
        watches.append(watch)
        page = context.new_page()
        watch.on(page)
        page.goto(f"{of}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    for watch in watches:
        assert watch.console == []
        assert watch.foreign_requests == []
