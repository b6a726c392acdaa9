"""Homes with the real Claude Code in them, for its tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from tests.flow.conftest import Stack, running_stack
from tests.flow.connect.shippers import stop_shipper
from tests.real_client.claude_code import ClaudeHome, Tracker, tracker_of
from tests.real_client.messages_api import messages_api


@pytest.fixture(scope="session")
def stack(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A pipeline beside that of tests/flow, which may run in the same process."""
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(folder, postgres_url, redis_server_url, 5, TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        yield running


@pytest.fixture
def claude_home(tmp_path: Path) -> Iterator[ClaudeHome]:
    """A prepared home, without hooks."""
    with messages_api() as api:
        home = ClaudeHome(tmp_path / "home", api)
        home.prepare()
        yield home


@pytest.fixture
def worker(database_url: str, redis_url: str) -> Iterator[Resources]:
    """The resources of a worker process."""
    resources = open_resources(Settings(database_url=database_url, redis_url=redis_url))
    yield resources
    resources.close()


@pytest.fixture
def tracker(claude_home: ClaudeHome, stack: Stack) -> Iterator[Tracker]:
    """`tracker` as the person of this home calls it."""
    yield tracker_of(claude_home, stack)
    stop_shipper(claude_home.capture)
