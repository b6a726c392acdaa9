"""The query service on a real database and Redis."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings
from tests.conftest import LOCAL


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """To put rows in, as the worker would."""
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def query_settings(database_url: str, redis_url: str) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url, log_level="CRITICAL")


@pytest.fixture
def client(query_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(query_settings), LOCAL) as client:
        yield client
