"""A migration that meets a lock gives way, says what it waits for, comes back, and gets through."""

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
    return make_database(postgres_url, f"patience_{abs(hash(request.node.name))}_test")


def test_it_gives_way_and_gets_through_when_the_lock_is_gone(url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
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


def test_two_migrators_take_turns(url: str, tmp_path: Path) -> None:
    scripts = add_next(tmp_path, "SELECT 1", "SELECT pg_sleep(1.5)")
    # Processes, as in life: Alembic itself knows one migration a process.
    context = multiprocessing.get_context("spawn")
    migrators = [context.Process(target=migrate, args=(url,), kwargs={"scripts": scripts}) for _ in range(2)]
    for migrator in migrators:
        migrator.start()
    for migrator in migrators:
        migrator.join(WAIT_SECONDS)
    assert [migrator.exitcode for migrator in migrators] == [0, 0]


def test_patience_has_an_end(url: str, tmp_path: Path) -> None:
    scripts = add_next(tmp_path, "SELECT 1", "SELECT 1", "ALTER TABLE messages ADD COLUMN two integer")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT FROM messages")
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate(url, scripts=scripts, patience_seconds=0)


def test_what_does_not_pass_by_itself_is_raised_at_once(url: str, tmp_path: Path) -> None:
    with pytest.raises(ProgrammingError, match="nowhere"):
        migrate(url, scripts=add_next(tmp_path, "SELECT 1", "SELECT 1", "SELECT FROM nowhere"))
