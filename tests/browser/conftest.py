"""A real browser, a page of somebody else's, and a running API with something to steal."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import httpx2 as httpx
import psycopg
import pytest
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from shared.journal.streams import stream_key
from tests.conftest import make_database
from tests.skips import CHROMIUM, skip_without


class Forwarder:
    """Takes connections and passes their bytes on to `target`, a port of this machine, that may be changed at any time."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """No more connections."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            there = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=_pass_on, args=(client, there), daemon=True).start()
            threading.Thread(target=_pass_on, args=(there, client), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with source:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


REPOSITORY = Path(__file__).parent.parent.parent
EVIL_NAME = "evil.test"
SECRET = "the-secret-project"
ATTACK = f"<!doctype html><meta charset=utf-8><body><script>{(Path(__file__).parent / 'attack.js').read_text()}</script>".encode()


@dataclass(frozen=True)
class Api:
    """Both services on one port of loopback, with one project in the database."""

    port: int
    database_url: str
    redis_url: str
    blobs: Path

    def stored(self) -> dict[str, int]:
        """Everything that a request could have left behind."""
        with psycopg.connect(self.database_url) as connection, Redis.from_url(self.redis_url) as redis:
            rows = {
                table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
                for table in ("projects", "sessions", "import_jobs")
            }
            counts = {table: int(row[0]) for table, row in rows.items() if row}
            return counts | {"journal": int(redis.xlen(stream_key(0))), "blobs": sum(1 for _ in self.blobs.rglob("*.*"))}


@pytest.fixture(scope="session")
def api(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    skip_without("chromium")
    redis_url = re.sub(r"(\?db=|/)0$", r"\g<1>2", redis_server_url)
    with served(make_database(postgres_url, "browser_test"), redis_url, tmp_path_factory.mktemp("api")) as api:
        with httpx.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=30) as client:
            assert client.post("/api/sessions/start", json={"project_path": f"/home/ann/{SECRET}", "session_id": "s"}).status_code == 201
        yield api


@contextmanager
def served(database_url: str, redis_url: str, tmp_path: Path, **settings: str) -> Iterator[Api]:
    """Both services in a process of their own. `settings` are TRACKER_ variables."""
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    named = settings | {
        "DATABASE_URL": database_url,
        "QUERY_DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BLOB_URL": blobs.as_uri(),
    }
    environment = os.environ | {f"TRACKER_{name}": value for name, value in named.items()}
    with socket.create_server(("127.0.0.1", 0)) as listening, (tmp_path / "api.log").open("wb") as log:
        port = listening.getsockname()[1]
        argv = [sys.executable, "-m", "deploy.embedded.servers.gateway", str(listening.fileno())]
        process = subprocess.Popen(argv, cwd=REPOSITORY, env=environment, stdout=log, stderr=log, pass_fds=[listening.fileno()])
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                assert wait_until(lambda: _is_ready(client), 60), (tmp_path / "api.log").read_text()[-3000:]
            yield Api(port, database_url, redis_url, blobs)
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[int]:
    """The port of a server that has the attacking page on every path."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(ATTACK)))
            self.end_headers()
            self.wfile.write(ATTACK)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def turned(api: Api, elsewhere: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """A port that leads to the attacking page, and from the call of the function on to the API."""
    forwarder = Forwarder(elsewhere)

    def turn() -> None:
        forwarder.target = api.port

    yield forwarder.port, turn
    forwarder.close()


def browser_scope(fixture_name: str, config: pytest.Config) -> Literal["session", "module"]:
    """For the run, if it has only tests of this folder. While Playwright runs, its thread has an event loop, in which others could not run theirs."""
    paths = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    return "session" if all(path.is_relative_to(Path(__file__).parent) for path in paths) else "module"


@pytest.fixture(scope=browser_scope)
def playwright() -> Iterator[Any]:
    skip_without("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope=browser_scope)
def chromium(playwright: Any) -> Iterator[Any]:
    """A browser for which only loopback exists."""
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def attack_from(playwright: Any) -> Iterator[Callable[..., dict[str, Any]]]:
    """attack_from(page, base): opens the page and lets it try everything against `base`. `loaded` is called between the two.

    `how` is the name of the function in attack.js.
    """
    rules = f"--host-resolver-rules=MAP {EVIL_NAME} 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])

    def run(page_url: str, base: str, loaded: Callable[[], None] = lambda: None, how: str = "attack") -> dict[str, Any]:
        with browser.new_context() as context, context.new_page() as page:
            page.goto(page_url)
            loaded()
            result: dict[str, Any] = page.evaluate(f"base => {how}(base)", base)
            page.wait_for_load_state("networkidle")
            return result

    yield run
    browser.close()
