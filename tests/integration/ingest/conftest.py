"""The ingest service as its clients see it: its real app on real Redis and Postgres. There is no worker, so the journal keeps what came."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from redis import Redis

from deploy.migrations.grants import INGEST
from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.events.messages import Envelope, Event, decode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests import kept_connection
from tests.conftest import LOCAL, as_role

IMPORT = "/api/import/claude-data"
CLAUDE_JSON = b'{"numStartups": 1, "projects": {"/p": {}}}'


@dataclass(frozen=True)
class Service:
    """The app, and what lies behind it."""

    http: TestClient
    settings: Settings
    redis: Redis

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def start(self, session_id: str, **fields: Any) -> dict[str, Any]:
        answer = self.post("/api/sessions/start", {"session_id": session_id, "project_path": "/home/me/project"} | fields)
        assert answer.status_code == 201, answer.text
        started: dict[str, Any] = answer.json()
        return started

    def envelopes(self, partition: int = 0) -> list[Envelope]:
        entries = self.redis.xrange(stream_key(partition))
        return [decode_envelope(fields[PAYLOAD_FIELD.encode()]) for _, fields in entries]

    def journal(self) -> list[Event]:
        """All events in the journal, in order."""
        return [event for envelope in self.envelopes() for event in envelope.events]

    def select(self, sql: str, *params: object) -> list[dict[str, Any]]:
        return kept_connection.select(self.settings.database_url, sql, params)

    def execute(self, sql: str, *params: object) -> None:
        kept_connection.execute(self.settings.database_url, sql, params)


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url, blob_url=(tmp_path / "blobs").as_uri())


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """Under ingest's own role; `settings` are the tests' own way to the database."""
    app = create_app(settings.model_copy(update={"database_url": as_role(settings.database_url, INGEST)}))
    with TestClient(app, LOCAL, raise_server_exceptions=False) as client, Redis.from_url(settings.redis_url) as redis:
        yield Service(client, settings, redis)


def is_error(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Asserts the one error body and gives its details."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) == {"error", "message", "code", "details"}
    assert body["error"] is True
    assert body["message"]
    assert isinstance(body["details"], dict)
    assert answer.headers["x-request-id"]
    details: dict[str, Any] = body["details"]
    return details


@pytest.fixture
def silent_address() -> Iterator[str]:
    """A server that takes connections and never says a word, as one does that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed_address() -> str:
    """An address without a listener."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(params=["closed_address", "silent_address"])
def dead_address(request: pytest.FixtureRequest) -> str:
    address: str = request.getfixturevalue(request.param)
    return address
