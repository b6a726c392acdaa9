"""The query service on a real database and Redis."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings
from tests.conftest import LOCAL, make_database
from tests.emptied import Emptier
from tests.integration.caught_up import catch_up
from tests.kept_connection import Connection, lent


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """To put rows in, as the worker would."""
    with lent(database_url, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def query_settings(database_url: str, redis_url: str) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url, log_level="CRITICAL")


@pytest.fixture
def new_client(query_settings: Settings) -> Iterator[TestClient]:
    """A client of a service that has just started: it knows no time up to which the data is complete."""
    with TestClient(create_app(query_settings), LOCAL) as client:
        yield client


@pytest.fixture(scope="session")
def lasting_client(migrated_database_url: str, redis_server_url: str) -> Iterator[TestClient]:
    settings = Settings(database_url=migrated_database_url, redis_url=redis_server_url, log_level="CRITICAL")
    with TestClient(create_app(settings), LOCAL) as client:
        catch_up(client)
        yield client


@pytest.fixture
def client(query_settings: Settings, lasting_client: TestClient) -> Iterator[TestClient]:
    """A client of a service with these settings that was started for the first test of all."""
    yield lasting_client
    lasting_client.cookies.clear()


@pytest.fixture
def has_index(client: TestClient) -> None:
    """For tests that search with `client`: its index has forgotten what other tests stored. Rows that are stored later are found at once."""
    catch_up(client)


@pytest.fixture(scope="session")
def kept_database(postgres_url: str) -> Iterator[Emptier]:
    """A second database of this test process."""
    with closing(Emptier(make_database(postgres_url, "kept_test"))) as emptier:
        yield emptier


@pytest.fixture(scope="module")
def kept_connection(kept_database: Emptier) -> Iterator[Connection]:
    """To put in, once for a module, what its tests only read. It is `kept_client` that reads it; `connection` and `client` have another database."""
    kept_database()
    with psycopg.connect(kept_database.url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture(scope="module")
def kept_client(kept_database: Emptier, redis_server_url: str) -> Iterator[TestClient]:
    settings = Settings(database_url=kept_database.url, redis_url=redis_server_url, log_level="CRITICAL")
    with TestClient(create_app(settings), LOCAL) as client:
        catch_up(client)
        yield client
