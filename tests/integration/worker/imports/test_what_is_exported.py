"""An export has the tables and columns that shared/tables says it has."""

import json

import psycopg
import pytest

from services.worker.importers.formats.export_manifest import Selection, row_tables_in_order
from services.worker.importers.job.export.export_rows import choose, rows_of, rows_statement
from services.worker.resources import Resources
from services.worker.row_tables import ROW_TABLES
from shared.tables.catalogue import TABLES
from shared.tables.table import EXPORTED


def test_what_the_catalogue_says_is_exported_is() -> None:
    assert {table.name for table in TABLES.values() if table.export == EXPORTED} == {*row_tables_in_order()}
    assert ROW_TABLES.keys() <= {*row_tables_in_order()}


@pytest.mark.parametrize("table", row_tables_in_order())
def test_every_column_is_exported_unless_the_catalogue_says_not(migrated_database_url: str, table: str) -> None:
    everything = Selection()
    with psycopg.connect(migrated_database_url) as connection:
        choose(connection, everything)
        cursor = connection.execute(
            rows_statement(table, everything).replace(b"SELECT row_to_json(r)::text FROM", b"SELECT * FROM") + b" LIMIT 0",
            {"user": None, "project_id": None},
        )
        assert cursor.description is not None
        given = {column.name for column in cursor.description}

    columns = list(TABLES[table].columns)
    assert {column.name for column in columns if column.is_exported} <= given, "export the column, or say in shared/tables that it is not"
    # A row that a file of its own goes with, and a project that addresses name, have their ids too.
    assert given & {column.name for column in columns if not column.is_exported} <= {"id"}


def test_a_row_is_one_line_whatever_a_client_sent(worker: Resources) -> None:
    # Given parameters that came with line ends between their members
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute(
            "INSERT INTO tool_calls (id, project_id, user_id, tool_name, status, occurred_at, parameters, received_at)"
            " VALUES (gen_random_uuid(), 0, 0, 'Bash', 'success', now(), E'{\"a\":\\n 1.50}', now())"
        )
        choose(connection, Selection())
        [line] = rows_of(connection, "tool_calls", Selection())
    assert b"\n" not in line
    assert json.loads(line)["parameters"] == {"a": 1.5}
