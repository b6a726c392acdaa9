"""A migration that meets a lock gives way, reports the holder, tries again, and succeeds."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from deploy.embedded.supervision.processes import wait_until
from deploy.migrations.migrate import migrate
from tests.conftest import make_database
from tests.unit.migrations.next_migration import add_next

WAIT_SECONDS = 30.0


@pytest.fixture
def url(postgres_url: str, request: pytest.FixtureRequest) -> str:
    return make_database(postgres_url, f"lock_retry_{abs(hash(request.node.name))}_test")


def test_migration_gives_way_to_a_lock_holder_and_succeeds_when_the_lock_is_gone(
    url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given a migration that needs a table for itself, and a reader that has it
    scripts = add_next(tmp_path, "ALTER TABLE messages ADD COLUMN one integer")
    with psycopg.connect(url, application_name="a-slow-reader") as reader, ThreadPoolExecutor(1) as thread:
        reader.execute("SELECT FROM messages")
        migration = thread.submit(migrate, url, scripts=scripts)

        # When it has waited and given up at least once, others get at the table while it is still to come
        said = ""

        def says() -> bool:
            nonlocal said
            said += capfd.readouterr().err
            return said.count("held up") >= 2

        assert wait_until(says, WAIT_SECONDS)
        with psycopg.connect(url) as other:
            other.execute("SELECT FROM messages")
        reader.rollback()

        # Then it says by whom it was held up, and gets through
        migration.result(WAIT_SECONDS)
        assert "lock timeout" in said
        assert "a-slow-reader (process" in said
        reader.execute("SELECT one FROM messages")


def test_two_migrators_run_one_after_the_other(url: str, tmp_path: Path) -> None:
    scripts = add_next(tmp_path, "SELECT 1", "SELECT pg_sleep(1.5)")
    # Processes, as in life: Alembic itself knows one migration a process.
    context = multiprocessing.get_context("spawn")
    migrators = [context.Process(target=migrate, args=(url,), kwargs={"scripts": scripts}) for _ in range(2)]
    for migrator in migrators:
        migrator.start()
    for migrator in migrators:
        migrator.join(WAIT_SECONDS)
    assert [migrator.exitcode for migrator in migrators] == [0, 0]


def test_retries_end_after_the_given_time(url: str, tmp_path: Path) -> None:
    scripts = add_next(tmp_path, "SELECT 1", "SELECT 1", "ALTER TABLE messages ADD COLUMN two integer")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT FROM messages")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate(url, scripts=scripts, retry_seconds=0)


def test_error_that_is_not_transient_is_raised_at_once(url: str, tmp_path: Path) -> None:
    with pytest.raises(ProgrammingError, match="nowhere"):
        migrate(url, scripts=add_next(tmp_path, "SELECT 1", "SELECT 1", "SELECT FROM nowhere"))
