"""A worker as on another host: over TCP, in its own folder, with URLs only. It shares just the uploads' folder."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import randrange

import httpx2 as httpx
import pytest

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.supervision import processes
from deploy.migrations.migrate import migrate
from tests.scale.counting import assert_all_stored, load
from tests.scale.pipeline import pipeline
from tests.scale.redis_servers import Server
from tests.servers import POSTGRES_SETTINGS
from tests.unit.worker.importers.transcript.rows_of_a_session import jsonl, prompt
from tests.worker_command import BEAT_COMMAND, WORKER_COMMAND

STOP_SECONDS = 30.0


@pytest.fixture
def database_over_tcp() -> Iterator[str]:
    """A server on an address of its own, as on a host of its own."""
    folder = Path(tempfile.mkdtemp(prefix="tracker-elsewhere-"))
    folder.chmod(0o755)
    address = f"127.{randrange(1, 255)}.{randrange(1, 255)}.{randrange(1, 255)}"
    server = PostgresServer(folder / "postgres", folder / "run", folder / "log", POSTGRES_SETTINGS | {"listen_addresses": address})
    server.start()
    migrate(server.url)
    rules = folder / "postgres" / "pg_hba.conf"
    rules.write_text(f"host tracker tracker {address}/8 trust\n" + rules.read_text())
    server.stop()
    server.start()
    yield f"postgresql://tracker@{address}/tracker"
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def elsewhere(folder: Path, arguments: tuple[str, ...], urls: dict[str, str]) -> Iterator[None]:
    """The command with an environment of nothing but the URLs, in `folder`."""
    folder.mkdir()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **urls}
    process = processes.spawn([sys.executable, *arguments], log_file=folder.with_suffix(".log"), env=environment, cwd=folder)
    try:
        yield
        assert list(folder.iterdir()) == [], "it has left files where it ran"
    finally:
        processes.ask(process, signal.SIGTERM)
        processes.finish(process, STOP_SECONDS)


def test_a_worker_on_another_host_stores_events_and_imports(database_over_tcp: str, tmp_path: Path) -> None:
    redis = Server(tmp_path / "redis").start()
    urls = {"TRACKER_DATABASE_URL": database_over_tcp, "TRACKER_REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
    blobs = tmp_path / "shared-uploads"
    settings = {name.removeprefix("TRACKER_").lower(): url for name, url in urls.items()}
    try:
        # Given the API here, and the worker and beat elsewhere
        with (
            pipeline(tmp_path / "here", blob_url=blobs.as_uri(), **settings) as here,
            elsewhere(tmp_path / "worker", WORKER_COMMAND, urls),
            elsewhere(tmp_path / "beat", BEAT_COMMAND, urls),
        ):
            here.start_api()
            here.await_ready()

            # When events are sent and a transcript is imported, then both are stored
            accepted = load(here, tmp_path, seconds=3, rate=100)
            assert_all_stored(here, database_over_tcp, accepted)
            lines = b"".join(jsonl(prompt(n, f"s-{n}", f"line {n}", sessionId="s", cwd="/p")) for n in range(1, 4))
            files = {"file": ("s.jsonl", lines)}
            answer = httpx.post(
                f"{here.url}/api/import/claude-data", files=files, headers={"Prefer": "wait=30"}, timeout=60, trust_env=False
            )
            assert (answer.json()["status"], answer.json()["conversations_imported"]) == ("succeeded", 3)
    finally:
        redis.kill()
