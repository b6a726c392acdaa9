"""Both services and a worker, which writes its price list."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.worker.resources import open_resources
from services.worker.settings import Settings
from tests.integration.keys.conftest import make_key, running
from tests.integration.keys.ownership.owners import World


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """Nothing is stored yet."""
    archive, admin = (tmp_path / "archive").as_uri(), make_key(database_url, "admin")
    settings = Settings(database_url=database_url, redis_url=redis_url, claim_idle_ms=100, archive_url=archive)
    worker = open_resources(settings, writes_prices=True)
    with running(database_url, redis_url, tmp_path / "blobs", "keys", archive_url=archive) as api:
        yield World(api, worker, admin)
    worker.close()
