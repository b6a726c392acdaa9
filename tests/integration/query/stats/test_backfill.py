"""Migrations on a database with data create every rollup cell that the worker would have kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from alembic.config import Config

import deploy.migrations
from services.worker.maintenance import verify
from tests.integration.query import world

ROWS = ("projects (id, path, name)", "users", "files (file_key, file_path)", "sessions", "tool_calls", "activities")
# The tokens of a message were its own; now they are an API call's of the same id.
MESSAGES = """
    SELECT m.id, m.session_id, m.project_id, m.user_id, role, content, m.occurred_at, a.input_tokens, m.received_at, terms
    FROM messages AS m LEFT JOIN api_calls AS a USING (id) ORDER BY m.id"""
MESSAGE_COLUMNS = "id, session_id, project_id, user_id, role, content, occurred_at, input_tokens, received_at, terms"
# As they were before: of the new rollups, what the first schema knew.
OLD_CELLS = {
    "activity_rollups": "SELECT {columns} FROM activity_rollups WHERE grain_minutes IN (0, 15, 60, 1440)",
    "file_rollups": "SELECT {columns} FROM file_rollups WHERE project_id >= 0 AND grain_minutes IN (0, 15, 60, 1440)",
}


@pytest.fixture
def old_database(postgres_url: str) -> Iterator[tuple[str, Config]]:
    """A database at 0001, and what migrates it further."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS before_weeks_test")
        connection.execute("CREATE DATABASE before_weeks_test")
    url = urlsplit(postgres_url)._replace(path="/before_weeks_test").geturl()
    config = Config()
    config.set_main_option("script_location", str(Path(deploy.migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "0001")
    yield url, config
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE before_weeks_test WITH (FORCE)")


def fill(connection: psycopg.Connection[Any], url: str) -> None:
    """Copies what the first schema knew out of a database of today."""
    with psycopg.connect(url) as old:
        for table in ROWS:
            name, _, columns = table.partition(" ")
            columns = columns.strip("()") or _columns(old, connection, name)
            _copy(connection, old, name, f"SELECT {columns} FROM {name} ORDER BY 1", columns)
        _copy(connection, old, "messages", MESSAGES.replace("a.input_tokens", "coalesce(a.input_tokens, 0)"), MESSAGE_COLUMNS)
        for name, select in OLD_CELLS.items():
            columns = _columns(old, connection, name)
            _copy(connection, old, name, select.format(columns=columns), columns)


def test_backfilled_cells_equal_those_computed_from_rows(connection: psycopg.Connection[Any], old_database: tuple[str, Config]) -> None:
    # Given a database of the first schema with rows and its rollups
    world.build(connection)
    url, config = old_database
    fill(connection, url)

    # When it is migrated
    command.upgrade(config, "0002")

    # Then it has all that is computed from the rows
    with psycopg.connect(url) as new:
        for table in ("activity_rollups", "tool_rollups", "file_rollups", "file_sets"):
            # A file in two projects is two to the worker, and one to tests/integration/query/seed.py.
            columns = _columns(new, new, table).replace("files_modified", "CASE project_id WHEN -1 THEN 0 ELSE files_modified END")
            sql = f"SELECT ({columns})::text FROM {table}".encode()
            # A file's number is any; two databases need not agree on it.
            if table == "file_sets":
                sql = b"SELECT (project_id, grain_minutes, bucket_start, sum(bit_count(bits)))::text FROM file_sets GROUP BY project_id, grain_minutes, bucket_start"
            expected = connection.execute(sql).fetchall()
            assert sorted(new.execute(sql).fetchall()) == sorted(expected), table


def test_rollups_agree_with_the_rows_after_the_newest_migration(
    connection: psycopg.Connection[Any], old_database: tuple[str, Config]
) -> None:
    # Given a database of the first schema with rows, tokens and rollups
    world.build(connection)
    url, config = old_database
    fill(connection, url)

    # And an import that brought the messages of a session
    with psycopg.connect(url) as old:
        old.execute("INSERT INTO import_jobs (id, status, files) VALUES (gen_random_uuid(), 'succeeded', '[]')")
        old.execute("UPDATE messages SET import_job_id = (SELECT id FROM import_jobs) WHERE session_id = 'session-1'")

    # And tool calls whose duration was measured, and some that tell no source
    command.upgrade(config, "0025")
    with psycopg.connect(url) as old:
        old.execute("UPDATE tool_calls SET duration_source = CASE WHEN duration_ms % 3 = 0 THEN 'timestamps' ELSE 'reported' END")

    # When it is migrated all the way
    command.upgrade(config, "head")

    # Then the tokens are API calls, and every cell of theirs is what the rows say
    with psycopg.connect(url, autocommit=True) as new:
        counted = new.execute("SELECT count(*), sum(input_tokens), count(cost_nano_usd) FROM api_calls").fetchone()
        expected = connection.execute("SELECT count(*), sum(input_tokens), 0 FROM api_calls WHERE input_tokens > 0").fetchone()
        assert counted == expected
        # And an undo finds what the import brought
        assert new.execute("SELECT job_number, session_id FROM import_sessions").fetchall() == [(1, "session-1")]
        assert new.execute("SELECT DISTINCT brought_by FROM messages WHERE session_id = 'session-1'").fetchall() == [([1],)]
        # And the newest rollups are all that the rows say
        for name in ("tool_rollups", "error_rollups"):
            assert verify.differing(new, verify.checks()[name], timedelta(minutes=5)) == 0, name
        assert new.execute("SELECT sum(measured_calls) > 0 FROM tool_rollups").fetchone() == (True,)
        assert new.execute("SELECT sum(calls) > 0 FROM error_rollups").fetchone() == (True,)
        for name in ("activity_rollups", "usage_rollups"):
            check = verify.checks()[name]
            # Active time is left out: the world's sessions have gaps of their own.
            tokens = ("input_tokens", "api_calls", "unpriced_calls")
            key = tuple(column for column in check.columns if column not in check.measures)
            assert verify.differing(new, replace(check, columns=(*key, *tokens), measures=tokens), timedelta(minutes=5)) == 0, name


def _columns(connection: psycopg.Connection[Any], also_in: psycopg.Connection[Any], table: str) -> str:
    """Those that the table has in both."""
    names = [_column_names(one, table) for one in (connection, also_in)]
    return ", ".join(name for name in names[0] if name in names[1])


def _column_names(connection: psycopg.Connection[Any], table: str) -> list[str]:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    return [row[0] for row in found]


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], table: str, select: str, columns: str) -> None:
    with (
        source.cursor().copy(f"COPY ({select}) TO STDOUT".encode()) as rows,
        target.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            copy.write(row)
