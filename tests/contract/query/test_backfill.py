"""Migration 0002 on a database with data: every cell is there that the worker would have kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from alembic.config import Config

import deploy.migrations
from tests.contract.query import world

ROWS = ("projects (id, path, name)", "users", "files (file_key, file_path)", "sessions", "tool_calls", "activities", "messages")
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


def test_the_cells_made_from_older_ones_are_those_made_from_rows(
    connection: psycopg.Connection[Any], old_database: tuple[str, Config]
) -> None:
    # Given a database of the first schema with rows and its rollups
    world.build(connection)
    url, config = old_database
    with psycopg.connect(url) as old:
        for table in ROWS:
            name, _, columns = table.partition(" ")
            _copy(connection, old, name, f"SELECT {columns.strip('()') or _columns(old, name)} FROM {name} ORDER BY 1", columns.strip("()"))
        for name, select in OLD_CELLS.items():
            _copy(connection, old, name, select.format(columns=_columns(old, name)), "")

    # When it is migrated
    command.upgrade(config, "0002")

    # Then it has all that is computed from the rows
    with psycopg.connect(url) as new:
        for table in ("activity_rollups", "tool_rollups", "file_rollups", "file_sets"):
            # A file in two projects is two to the worker, and one to tests/contract/query/seed.py.
            columns = _columns(new, table).replace("files_modified", "CASE project_id WHEN -1 THEN 0 ELSE files_modified END")
            sql = f"SELECT ({columns})::text FROM {table}".encode()
            # A file's number is any; two databases need not agree on it.
            if table == "file_sets":
                sql = b"SELECT (project_id, grain_minutes, bucket_start, sum(bit_count(bits)))::text FROM file_sets GROUP BY project_id, grain_minutes, bucket_start"
            expected = connection.execute(sql).fetchall()
            assert sorted(new.execute(sql).fetchall()) == sorted(expected), table


def _columns(connection: psycopg.Connection[Any], table: str) -> str:
    found = connection.execute(
        "SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'",
        [table],
    ).fetchone()
    assert found is not None
    return str(found[0])


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], table: str, select: str, columns: str) -> None:
    columns = columns or _columns(target, table)
    with (
        source.cursor().copy(f"COPY ({select}) TO STDOUT".encode()) as rows,
        target.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            copy.write(row)
