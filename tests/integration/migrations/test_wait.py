"""Services wait until the schema of their release, or a later one, is there."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.embedded.supervision.processes import wait_until
from deploy.migrations.migrate import migrate
from deploy.migrations.wait import missing, wait
from tests.conftest import make_database
from tests.unit.migrations.next_migration import add_next

WAIT_SECONDS = 30.0


def test_a_migrated_database_lacks_nothing(migrated_database_url: str) -> None:
    assert missing(migrated_database_url) is None


def test_an_empty_database_lacks_its_tables(postgres_url: str) -> None:
    assert missing(postgres_url) == "any tables"


def test_an_unreachable_database_is_waited_for() -> None:
    assert missing("postgresql://tracker@127.0.0.1:9/tracker") == "an answer"


def test_a_service_waits_for_the_migration_of_its_release_and_reports_it(
    postgres_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given a database of this release, and a release to come that waits for its own schema
    url = make_database(postgres_url, "wait_next_test")
    scripts = add_next(tmp_path, "ALTER TABLE messages ADD COLUMN one integer")
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(wait, url, scripts=scripts)
        assert wait_until(lambda: "lacks the schema 9001 (it has 01" in capfd.readouterr().err, WAIT_SECONDS)
        assert not waiting.done()

        # When the migration has run
        migrate(url, scripts=scripts)

        # Then it goes on; and so does this release, which does not know that schema
        waiting.result(WAIT_SECONDS)
    assert missing(url) is None
