"""The servers that tests run against: real PostgreSQL 18 and Redis, from Docker where it runs, else the embedded binaries.

Databases are the tests' own: a server started here, a database whose name ends in `_test`, emptied before each test that asks for it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from redis import Redis

from deploy.embedded.postgres import PostgresServer
from deploy.embedded.redis_server import RedisServer
from deploy.migrations.migrate import migrate

# The base URL of test clients: their own default is no name that the services are known by.
LOCAL = "http://localhost"
TEST_SETTINGS = {"fsync": "off", "shared_buffers": "128MB"}


def docker_runs() -> bool:
    """Whether a Docker engine answers. TRACKER_TEST_SERVERS=embedded says not to ask."""
    if os.environ.get("TRACKER_TEST_SERVERS") == "embedded" or shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0


def pytest_report_header(config: pytest.Config) -> str:
    return f"PostgreSQL and Redis: {'testcontainers (Docker runs here)' if docker_runs() else 'the embedded binaries (no Docker here)'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of one folder with a running stack share it, so they run in one of xdist's processes."""
    for item in items:
        for folder in ("flow", "embedded", "browser", "scale"):
            if f"tests/{folder}/" in item.nodeid:
                item.add_marker(pytest.mark.xdist_group(folder))


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tracker-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(server_folder: Path) -> Iterator[str]:
    """A server of this test process; the URL's database is its empty default one."""
    if docker_runs():
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer("postgres:18", username="tracker", password="tracker", dbname="tracker", driver=None) as container:
            yield container.get_connection_url()
        return
    server = PostgresServer(server_folder / "postgres", server_folder / "run", server_folder / "postgres.log", TEST_SETTINGS)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def redis_server_url(server_folder: Path) -> Iterator[str]:
    if docker_runs():
        from testcontainers.community.redis import RedisContainer

        with RedisContainer("redis:8") as container:
            yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
        return
    server = RedisServer(server_folder / "redis", server_folder / "run", server_folder / "redis.log", {"appendfsync": "everysec"})
    server.start()
    yield server.url
    server.stop()


def make_database(postgres_url: str, name: str) -> str:
    """A new database on the server, made by the migrations. Its URL."""
    assert name.endswith("_test")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    migrate(url)
    return url


@pytest.fixture(scope="session")
def migrated_database_url(postgres_url: str) -> str:
    """A database of this test process, made by the migrations."""
    return make_database(postgres_url, "tracker_test")


@pytest.fixture
def database_url(migrated_database_url: str) -> str:
    """The database, empty."""
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        found = tables.fetchone()
        assert found is not None
        connection.execute(f"TRUNCATE {found[0]} RESTART IDENTITY")
    return migrated_database_url


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """Database 0 of Redis, empty. The running stack of tests/flow has database 1."""
    with Redis.from_url(redis_server_url) as redis:
        redis.flushdb()
    return redis_server_url
