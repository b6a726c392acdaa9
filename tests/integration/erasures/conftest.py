"""Both services and a worker, with the sessions of two people: ann's, which are erased, and bob's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.query.search_index import host
from tests.integration.conftest import OpenWorker
from tests.integration.keys.conftest import make_key, running
from tests.integration.keys.ownership.owners import World


@pytest.fixture
def world(open_worker: OpenWorker, database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Nothing is stored yet."""
    # An erasure waits until this host has purged.
    monkeypatch.setattr(host, "LOOK_SECONDS", 0.1)
    archive, admin = (tmp_path / "archive").as_uri(), make_key(database_url, "admin")
    worker = open_worker(claim_idle_ms=100, archive_url=archive)
    with running(database_url, redis_url, tmp_path / "blobs", "keys", archive_url=archive) as api:
        yield World(api, worker, admin)
