"""Migrations give way to locks, refuse data of before the first release, and services wait for their schema."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError, ProgrammingError

from deploy.embedded.backups import backup_manifest
from deploy.embedded.backups.backup_manifest import Manifest
from deploy.embedded.supervision.processes import StartError, wait_until
from deploy.migrations.first_schema import RefusedSchemaError
from deploy.migrations.migrate import SCRIPTS, migrate
from deploy.migrations.wait import missing, wait
from tests.conftest import make_database, url_of
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
    assert missing(earlier) == "the schema 0107 (it has 0057)"


def test_its_backup_is_not_restored(tmp_path: Path) -> None:
    backup_manifest.write(tmp_path, Manifest(backup_manifest.FORMAT, "2026-11-25T18:00:00Z", "0057", "8.0.0", "file:///", {}))

    with pytest.raises(StartError, match=THE_WAY):
        backup_manifest.read(tmp_path)


def database_of(postgres_url: str, revision: str) -> str:
    """An empty database of an earlier version."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE of_{revision}_test".encode())
    url = url_of(postgres_url, f"of_{revision}_test")
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, revision)
    return url


def test_rows_of_before_are_counted_by_session_and_quarter(postgres_url: str) -> None:
    url = database_of(postgres_url, "0105")
    row = "gen_random_uuid(), 's', 1, 2, '2026-05-01 12:20Z', now()"
    with psycopg.connect(url) as connection:
        keys = "id, session_id, project_id, user_id, occurred_at, received_at"
        connection.execute(f"INSERT INTO messages ({keys}, role, content) VALUES ({row}, 'user', ''), ({row}, 'assistant', '')".encode())
        connection.execute(f"INSERT INTO tool_calls ({keys}, tool_name, status) VALUES ({row}, 'Bash', 'timeout')".encode())
        connection.execute(
            f"INSERT INTO activities ({keys}, file_key, action, lines_added, lines_removed) VALUES ({row}, gen_random_uuid(), 'created', 3, 4)".encode()
        )
        connection.execute(f"INSERT INTO api_calls ({keys}, output_tokens, cost_nano_usd) VALUES ({row}, 5, 6), ({row}, 5, NULL)".encode())

    migrate(url)

    with psycopg.connect(url) as connection:
        found = connection.execute(
            """SELECT session_id, bucket_start = '2026-05-01 12:15Z', project_id, user_id, counted_rows, user_messages, assistant_messages,
                      tool_calls, tool_errors, lines_added, lines_removed, output_tokens, api_calls, unpriced_calls, cost_nano_usd
               FROM session_quarters"""
        ).fetchall()
    assert found == [("s", True, 1, 2, 6, 1, 1, 1, 1, 3, 4, 10, 2, 1, 6)]


def test_jobs_of_four_tables_go_into_one(postgres_url: str) -> None:
    # Given a database of the version before, with a job of each kind
    url = database_of(postgres_url, "0103")
    scrub, erasure, run, reprice = (str(uuid4()) for _ in range(4))
    with psycopg.connect(url) as connection:
        connection.execute(
            """INSERT INTO scrubs (id, status, rows_scanned, rows_changed, redactions, text_count, keep_out, changed_in)
               VALUES (%s, 'running', 9, 2, '{"text": 3}', 1, true, '{"messages": 2}')""",
            (scrub,),
        )
        connection.execute("INSERT INTO scrub_texts (scrub_id, half, redis_key) VALUES (%s, 'x', 'k')", (scrub,))
        connection.execute("INSERT INTO erasures (id, kind, names, counts) VALUES (%s, 'user', '{ann}', '{\"rows\": 4}')", (erasure,))
        connection.execute("INSERT INTO erasure_sessions (erasure_id, session_id) VALUES (%s, 's')", (erasure,))
        connection.execute(
            "INSERT INTO retention_runs (id, is_dry_run, rewrites, bytes_before, changed_tables) VALUES (%s, false, true, 7, '{messages}')",
            (run,),
        )
        connection.execute("INSERT INTO retention_counts VALUES (%s, 'texts', 0, 1, 2, 3)", (run,))
        connection.execute(
            """INSERT INTO reprices (id, is_dry_run, model, by_model, status, finished_at)
               VALUES (%s, true, 'opus*', '[{"model": "opus", "calls": 5}]', 'succeeded', now())""",
            (reprice,),
        )

    migrate(url)

    with psycopg.connect(url) as connection:
        jobs = connection.execute("SELECT id::text, kind, status, is_exclusive, names, options, counts FROM jobs ORDER BY kind").fetchall()
        left = connection.execute("SELECT (SELECT count(*) FROM scrub_texts), (SELECT count(*) FROM erasure_sessions)").fetchall()
    of_scrub = {"rows_scanned": 9, "rows_changed": 2, "redactions": {"text": 3}, "changed_in": {"messages": 2}, "long_locks": {}}
    assert jobs == [
        (erasure, "erasure", "queued", False, ["ann"], {"of": "user"}, {"rows": 4}),
        (reprice, "reprice", "succeeded", True, None, {"model": "opus*"}, {"by_model": {"opus": {"calls": 5}}}),
        (
            *(run, "retention", "queued", True, None, {"rewrite": True, "is_scheduled": False}),
            {"bytes_before": 7, "changed_tables": {"messages": 1}},
        ),
        (
            *(scrub, "scrub", "running", False, None),
            {"text_count": 1, "keep_out": True, "rewrite_large": False, "delete_uploads": False},
            of_scrub,
        ),
    ]
    assert left == [(1, 1)]
