"""Workers of maintenance: with the rights that they have in containers, and with jobs that take few rows at once."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from deploy.migrations.grants import WORKER
from services.worker.maintenance import merge_users, rekey_projects
from services.worker.maintenance.retention import drop_sessions, drop_texts, retention_stage
from services.worker.resources import Resources, open_resources
from tests.conftest import as_role


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (drop_texts, drop_sessions, rekey_projects, merge_users):
        monkeypatch.setattr(module, "SESSIONS_AT_ONCE", 1)
    for module in (drop_texts, rekey_projects, merge_users):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(retention_stage, "SESSIONS_AT_ONCE", 2)


@pytest.fixture
def as_worker(worker: Resources, tmp_path: Path) -> Iterator[Resources]:
    """With the rights that the worker has in containers, and an archive of its own."""
    changes = {"archive_url": (tmp_path / "archive").as_uri(), "database_url": as_role(worker.settings.database_url, WORKER)}
    with closing(open_resources(worker.settings.model_copy(update=changes))) as resources:
        yield resources
