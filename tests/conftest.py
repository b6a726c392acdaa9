"""Databases and Redis for every test, on the servers of tests/servers.py.

Databases are the tests' own: a server started here, a database whose name ends in `_test`, emptied before each test that asks for it.
"""

import ctypes
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import psycopg
import pytest
from redis import Redis
from xdist.scheduler import LoadScopeScheduling

from deploy.embedded.supervision.processes import started_at
from deploy.migrations.grants import QUERY, ROLES, WORKER
from deploy.migrations.migrate import migrate
from tests import servers
from tests.emptied import Emptier
from tests.example_counts import examples
from tests.forked_tracker import TrackerForks, tracker_forks
from tests.kept_connection import close_all
from tests.servers import Server

TESTS = Path(__file__).parent
# Linux' file system in memory. A test process fills less than a quarter of this.
MEMORY = Path("/dev/shm")
LEAST_MEMORY_BYTES = 4 * 1024**3
MOST_WORKERS = 4
# The base URL of test clients: their own default is no name that the services are known by.
LOCAL = "http://localhost"
# The database as the migrations made it, on each server of the tests.
MIGRATED = "migrated_template"
# The password of the services' roles. The embedded server needs none.
ROLE_PASSWORD = "tracker"

# Every process that a test starts would compile the whole program anew, and so would each of pytest's.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Bodies of many megabytes come and go. glibc keeps the memory of those that are freed for larger and larger ones, in a part for each of many threads;
# with its bounds set it gives it back.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
if sys.platform == "linux":
    _libc = ctypes.CDLL(None)
    _libc.mallopt(_M_MMAP_THRESHOLD, 128 * 1024)
    _libc.mallopt(_M_ARENA_MAX, 2)

# How long one example takes is the machine's affair: one that is busy exceeds any deadline now and then.
# A property that states no count has Hypothesis' own at night; the others are in tests/example_counts.py.
hypothesis.settings.register_profile("tracker", deadline=None, max_examples=examples(100))
hypothesis.settings.register_profile("nightly", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "tracker")


def pytest_configure() -> None:
    """Started in the background of a script, or by nohup, a process ignores signals, and so would every process that a test starts and ends by one."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without the garbage collector, which would look at all tests again and again: 2.8 of 7 s in each process. Loaded modules stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    """For -n auto. One more than there are processors, since a fourth of the time of two is spent waiting for their servers.

    More than MOST_WORKERS gain little: each has a database server and a gigabyte, and the tests of tests/flow's one stack run in one.
    """
    return min((os.cpu_count() or 1) + 1, MOST_WORKERS)


def pytest_report_header(config: pytest.Config) -> str:
    return f"PostgreSQL and Redis: {servers.way()} (TRACKER_TEST_SERVERS)"


class ByWhatTheyStart(LoadScopeScheduling):  # type: ignore[misc]
    """Tests that share what takes seconds to start run in one of xdist's processes: those of one stack, and those of one file.

    Not by xdist's groups, which pytest 9.2 does not tell it of. A browser's modules that only read have a stack in each process, so that none does
    all of them while the others have ended.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        _, folder, *below = Path(file).parts
        if folder == "flow" and below[0] != "own_stack":
            return folder
        is_by_file = folder in ("flow", "embedded", "browser", "scale", "deploy") or (folder == "integration" and below[0] == "query")
        return file if is_by_file else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWhatTheyStart | None:
    """Unless another way is asked for."""
    return ByWhatTheyStart(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.fixture(scope="session", autouse=True)
def _archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The defaults are folders of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKER_ARCHIVE_URL", tmp_path_factory.mktemp("archive").as_uri())
        patch.setenv("TRACKER_SEARCH_FOLDER", str(tmp_path_factory.mktemp("search")))
        yield


@pytest.fixture(scope="session")
def forks() -> Iterator[TrackerForks]:
    """Starts `tracker` without its imports."""
    with tracker_forks() as forks:
        yield forks


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """In memory, where there is enough: a file that is made and deleted costs a tenth, and each truncated table is a handful."""
    is_in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= LEAST_MEMORY_BYTES
    for left in MEMORY.glob("tracker-test-*-*") if is_in_memory else ():
        # A folder of a test process that was killed.
        if started_at(int(left.name.split("-")[2])) is None:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"tracker-test-{os.getpid()}-", dir=MEMORY if is_in_memory else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[Server]:
    with servers.postgres(server_folder) as server:
        yield server
        close_all()


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> Iterator[Server]:
    with servers.redis(server_folder) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> str:
    """A server of this test process; the URL's database is its empty default one."""
    return postgres_server.url


@pytest.fixture(scope="session")
def redis_server_url(redis_server: Server) -> str:
    return redis_server.url


def make_database(postgres_url: str, name: str) -> str:
    """A new database on the server, as the migrations make it. Its URL.

    They run once on a server: to copy what they made takes a twentieth of their time.
    """
    assert name.endswith("_test")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (MIGRATED,)).fetchone() is None:
            _make_migrated(connection, postgres_url)
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {MIGRATED}")
        connection.execute(f"GRANT TEMPORARY ON DATABASE {name} TO {WORKER}")
    return url_of(postgres_url, name)


def _make_migrated(connection: psycopg.Connection[Any], postgres_url: str) -> None:
    """The database that all others are copies of. It has its name once it is whole, and nobody connects to it any more."""
    unfinished = f"{MIGRATED}_unfinished"
    connection.execute(f"CREATE DATABASE {unfinished}")
    for role in ROLES:
        connection.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD '{ROLE_PASSWORD}'")
    migrate(url_of(postgres_url, unfinished))
    connection.execute(f"GRANT tracker_bound TO {QUERY} WITH INHERIT FALSE, SET TRUE")
    connection.execute(f"ALTER DATABASE {unfinished} RENAME TO {MIGRATED}")


def url_of(postgres_url: str, name: str) -> str:
    return urlsplit(postgres_url)._replace(path=f"/{name}").geturl()


def as_role(database_url: str, role: str) -> str:
    """The same database for a service's own role, which may do what shared/tables says."""
    url = urlsplit(database_url)
    host = url.netloc.rpartition("@")[2]
    return url._replace(netloc=f"{role}:{ROLE_PASSWORD}@{host}").geturl()


@pytest.fixture(scope="session")
def migrated_database_url(postgres_url: str) -> str:
    """A database of this test process, made by the migrations."""
    return make_database(postgres_url, "tracker_test")


@pytest.fixture(scope="session")
def emptier(migrated_database_url: str) -> Iterator[Emptier]:
    """Empties the database."""
    with closing(Emptier(migrated_database_url)) as emptier:
        yield emptier


@pytest.fixture
def database_url(migrated_database_url: str, emptier: Emptier) -> str:
    """The database, empty."""
    emptier()
    return migrated_database_url


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """Database 0 of Redis, empty. The running stack of tests/flow has database 1."""
    with Redis.from_url(redis_server_url) as redis:
        redis.flushdb()
    return redis_server_url
