"""Data that a commit from before the first release made is refused, with the way that it can take, and stays as it was."""

from pathlib import Path

import psycopg
import pytest

from deploy.embedded.backups import backup_manifest
from deploy.embedded.backups.backup_manifest import Manifest
from deploy.embedded.supervision.processes import StartError
from deploy.migrations.first_schema import RefusedSchemaError
from deploy.migrations.migrate import migrate
from deploy.migrations.wait import missing
from tests.conftest import make_database

THE_WAY = r"schema 0057.*with the commit that made it.*tracker export --everything.*tracker import"


@pytest.fixture
def earlier(postgres_url: str, request: pytest.FixtureRequest) -> str:
    """A database with the number of an earlier commit."""
    url = make_database(postgres_url, f"earlier_{abs(hash(request.node.name))}_test")
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0057'")
    return url


def test_its_database_is_not_migrated(earlier: str) -> None:
    with pytest.raises(RefusedSchemaError, match=THE_WAY):
        migrate(earlier)

    with psycopg.connect(earlier) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0057",)]


def test_no_service_starts_on_its_database(earlier: str) -> None:
    assert missing(earlier) == "the schema 0104 (it has 0057)"


def test_its_backup_is_not_restored(tmp_path: Path) -> None:
    backup_manifest.write(tmp_path, Manifest(backup_manifest.FORMAT, "2026-11-25T18:00:00Z", "0057", "8.0.0", "file:///", {}))

    with pytest.raises(StartError, match=THE_WAY):
        backup_manifest.read(tmp_path)
