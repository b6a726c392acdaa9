"""The whole API as an attacker sees it: both apps behind one address, on real Postgres and Redis, and a count of all that is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from redis import Redis
from starlette.testclient import TestClient

from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from services.query.settings import Settings as QuerySettings
from services.worker.drain.stream_reader import make_group
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.blobs.folder import FolderStore
from shared.events.messages import Event, decode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from shared.tables.catalogue import TABLES
from tests.conftest import LOCAL
from tests.integration.caught_up import catch_up
from tests.kept_connection import select_rows

SESSION = "s-1"


class Api:
    """Both services under one address, split by method as the gateways do it."""

    def __init__(self, reading: TestClient, writing: TestClient) -> None:
        self._reading = reading
        self._writing = writing

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return (self._reading if method in ("GET", "HEAD") else self._writing).request(method, path, **options)

    def catch_up(self) -> None:
        """Returns when the search index has what is stored."""
        catch_up(self._reading)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


@dataclass(frozen=True)
class Target:
    """The service that is attacked, with its journal, uploads and database."""

    http: Api
    settings: IngestSettings
    redis: Redis

    def post(self, path: str, content: Any, media_type: str = "application/json", **headers: str) -> httpx.Response:
        """A write with a body as it is on the wire."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, content=content, headers={"content-type": media_type} | sent)

    def journal(self) -> list[Event]:
        """The events that were accepted. There is no worker, so they stay."""
        entries = self.redis.xrange(stream_key(0))
        return [event for _, fields in entries for event in decode_envelope(fields[PAYLOAD_FIELD.encode()]).events]

    def files(self) -> list[Path]:
        """Uploads that are kept."""
        folder = FolderStore(self.settings.blob_url).folder
        return list(folder.iterdir()) if folder.exists() else []

    def stored(self) -> dict[str, int]:
        """How much there is of everything that a request can leave behind."""
        counted = select_rows(self.settings.database_url, " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in TABLES))
        return {name: count for name, count in counted if count} | {"events": len(self.journal()), "files": len(self.files())}


@pytest.fixture
def ingest_settings(database_url: str, redis_url: str, tmp_path: Path) -> IngestSettings:
    return IngestSettings(
        database_url=database_url, redis_url=redis_url, blob_url=(tmp_path / "blobs").as_uri(), max_upload_bytes=2_000_000
    )


@pytest.fixture
def target(ingest_settings: IngestSettings, database_url: str, redis_url: str) -> Iterator[Target]:
    """With one session that events may belong to."""
    reading = TestClient(create_query(QuerySettings(database_url=database_url, redis_url=redis_url)), LOCAL, raise_server_exceptions=False)
    writing = TestClient(create_ingest(ingest_settings), LOCAL, raise_server_exceptions=False)
    with reading, writing, Redis.from_url(redis_url) as redis:
        target = Target(Api(reading, writing), ingest_settings, redis)
        started = target.post("/api/sessions/start", b'{"session_id": "%s", "project_path": "/home/me/project"}' % SESSION.encode())
        assert started.status_code == 201, started.text
        yield target


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Asserts the one error body, and that it and its headers tell nothing of the inside. The body."""
    assert answer.headers["content-type"] == "application/json", answer.text
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) == {"error", "message", "code", "details"}
    assert body["error"] is True
    for inside in ("Traceback", "psycopg", "sqlalchemy", "SELECT", "INSERT", "/site-packages", "postgresql://", "redis", ".py"):
        assert inside.lower() not in answer.text.lower()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    return body


@pytest.fixture
def worker(target: Target) -> Iterator[Resources]:
    resources = open_resources(Settings(database_url=target.settings.database_url, redis_url=target.settings.redis_url))
    make_group(resources.redis, stream_key(0))
    yield resources
    resources.close()
