"""Both services behind their one address, as a client with or without a key sees them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from fastapi.testclient import TestClient

from deploy.migrations.grants import INGEST, QUERY
from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from services.query.settings import Settings as QuerySettings
from services.worker.resources import Resources
from shared.auth.keys import digest_of, new_key
from tests.conftest import as_role
from tests.integration.caught_up import catch_up
from tests.integration.conftest import OpenWorker
from tests.kept_connection import execute, select


class Api:
    """The API, and the database behind it."""

    def __init__(self, reading: TestClient, writing: TestClient, database_url: str) -> None:
        self._reading, self._writing = reading, writing
        self.database_url = database_url

    def ask(self, key: str | None, method: str, path: str, **options: Any) -> httpx.Response:
        headers = [*options.pop("headers", {}).items(), *([] if key is None else [("Authorization", f"Bearer {key}")])]
        client = self._reading if method in ("GET", "HEAD") else self._writing
        answer = client.request(method, path, headers=headers, **options)
        # A test says which cookie a request has.
        client.cookies.clear()
        return answer

    def get(self, key: str | None, path: str) -> httpx.Response:
        return self.ask(key, "GET", path)

    def post(self, key: str | None, path: str, body: Any) -> httpx.Response:
        return self.ask(key, "POST", path, json=body)

    def select(self, sql: str, *params: object) -> list[dict[str, Any]]:
        return select(self.database_url, sql, params)

    def catch_up(self) -> None:
        """Returns when the index of sessions has what is stored."""
        catch_up(self._reading)

    def key(self, *scopes: str, user: str | None = None, users: list[str] | None = None, projects: list[int] | None = None) -> str:
        return make_key(self.database_url, *scopes, user=user, users=users, projects=projects)


def make_key(
    database_url: str, *scopes: str, user: str | None = None, users: list[str] | None = None, projects: list[int] | None = None
) -> str:
    """A key, put into the database as it is kept there: of one `user`, or of several `users`."""
    key, key_id = new_key()
    sql = "INSERT INTO api_keys (id, name, sha256, scopes, user_name, user_names, project_ids) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    execute(database_url, sql, (key_id, f"a test's {' '.join(scopes)}", digest_of(key.encode()), list(scopes), user, users, projects))
    return key


@contextmanager
def running(database_url: str, redis_url: str, blobs: Path, access: str, **more: Any) -> Iterator[Api]:
    """Both services; a request goes to one of them by its method, as the gateways send it."""
    shared: dict[str, Any] = {"redis_url": redis_url, "access": access} | more
    reading = create_query(QuerySettings(database_url=as_role(database_url, QUERY), **shared))
    writing = create_ingest(IngestSettings(database_url=as_role(database_url, INGEST), blob_url=blobs.as_uri(), **shared))
    options: dict[str, Any] = {"base_url": "http://localhost", "raise_server_exceptions": False}
    with TestClient(reading, **options) as reads, TestClient(writing, **options) as writes:
        yield Api(reads, writes, database_url)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def worker(open_worker: OpenWorker) -> Resources:
    return open_worker()


@pytest.fixture
def open_api(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Api]:
    with running(database_url, redis_url, tmp_path / "blobs", "open") as api:
        yield api


@pytest.fixture
def admin(database_url: str) -> str:
    return make_key(database_url, "admin")


@pytest.fixture
def api(database_url: str, redis_url: str, tmp_path: Path, admin: str) -> Iterator[Api]:
    with running(database_url, redis_url, tmp_path / "blobs", "keys") as api:
        yield api


def is_error(answer: httpx.Response, status: int, code: str) -> str:
    """Asserts the one error body and gives its sentence."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    message: str = answer.json()["message"]
    return message


def log_in(api: Api, key: str) -> str:
    """The token in the cookie."""
    answer = api.ask(key, "POST", "/api/login")
    assert answer.status_code == 200, answer.text
    found = re.fullmatch(r"tracker_login=(cct_\w+); Path=/api; HttpOnly; SameSite=Strict; Max-Age=2592000", answer.headers["set-cookie"])
    assert found, answer.headers["set-cookie"]
    return found[1]
