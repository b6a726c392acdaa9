"""A worker with an archive of its own."""

from pathlib import Path

import pytest

from services.worker.resources import Resources
from tests.integration.conftest import OpenWorker


@pytest.fixture
def worker(open_worker: OpenWorker, tmp_path: Path) -> Resources:
    """One with an archive of its own."""
    return open_worker(archive_url=(tmp_path / "archive").as_uri())
