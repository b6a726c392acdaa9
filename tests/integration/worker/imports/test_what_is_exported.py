"""Every table and every column of the database is in an export, or left out for a reason that is written down."""

import json

import psycopg
import pytest

from services.worker.importers.formats.export_manifest import ROW_TABLES_IN_ORDER, Selection
from services.worker.importers.job.export.export_rows import (
    LEFT_OUT_COLUMNS,
    LEFT_OUT_TABLES,
    choose,
    rows_of,
    rows_statement,
)
from services.worker.resources import Resources
from services.worker.row_tables import ROW_TABLES

# {(table, column): why it is in no export}, besides LEFT_OUT_COLUMNS.
LEFT_OUT = {
    ("users", "id"): "a name stands for it",
    ("users", "merge_requested_at"): "a merge goes on here",
    ("users", "merge_failure"): "a merge goes on here",
    ("projects", "created_at"): "when this server saw it first",
    ("projects", "merged_into"): "follows from what it is part of",
    ("projects", "merged_by_key"): "a key of this server",
    ("projects", "rekey_requested_at"): "its sessions are still moved here",
    ("projects", "rekey_failure"): "its sessions are still moved here",
    ("projects", "repository"): "made again from what machines say",
    ("projects", "judged_at"): "the rules are applied there again",
    ("project_places", "id"): "machine and path stand for it",
    ("project_places", "judged_at"): "the rules are applied there again",
    ("project_rules", "id"): "its pattern stands for it",
    ("project_rules", "key_id"): "a key of this server",
    ("project_rules", "judged_at"): "the rules are applied there again",
    ("dropped_texts", "is_done"): "an export has no texts of before",
    ("projects", "last_session_at"): "made again from its sessions",
    ("transcript_files", "id"): "its place and generation stand for it",
    ("transcript_files", "user_name"): "named user",
    ("transcript_files", "bound_user"): "of a key of this server",
    ("transcript_files", "stored_offset"): "the pieces say how far it is read",
    ("transcript_files", "rewrites"): "of its contents here",
    ("transcript_files", "read_attempts"): "of its reading here",
    ("transcript_files", "read_again_at"): "of its reading here",
    ("transcript_files", "continued_by"): "found again from the contents",
    ("machines", "user_name"): "named user",
    ("saved_views", "key_id"): "a key of this server",
    # What an import makes again; `sessions` is for people to read.
    **{
        ("sessions", name): "made again from the rows"
        for name in ("counted", "dated_at", "active_ranges", "snapshot", "created_at", "seen_live")
    },
    **{
        ("sessions", name): "made again from the rows"
        for name in ("idle_closed_at", "gone_at", "lines_from_snapshot", "usage_from_snapshot")
    },
    **{("sessions", name): "made again from the rows" for name in ("cache_priced_calls", "uncached_nano_usd", "cache_saved_nano_usd")},
}


@pytest.fixture(scope="module")
def columns(migrated_database_url: str) -> dict[str, set[str]]:
    with psycopg.connect(migrated_database_url) as connection:
        rows = connection.execute(
            "SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
        ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def test_every_table_is_exported_or_left_out_for_a_reason(columns: dict[str, set[str]]) -> None:
    assert columns.keys() - {*ROW_TABLES_IN_ORDER, *LEFT_OUT_TABLES} == set(), (
        "export its rows, or name it in LEFT_OUT_TABLES with a reason"
    )
    assert {*ROW_TABLES_IN_ORDER, *LEFT_OUT_TABLES} <= columns.keys()
    assert not LEFT_OUT_TABLES.keys() & {*ROW_TABLES_IN_ORDER}
    assert ROW_TABLES.keys() <= {*ROW_TABLES_IN_ORDER}


@pytest.mark.parametrize("table", ROW_TABLES_IN_ORDER)
def test_every_column_is_exported_or_left_out_for_a_reason(columns: dict[str, set[str]], migrated_database_url: str, table: str) -> None:
    everything = Selection()
    with psycopg.connect(migrated_database_url) as connection:
        choose(connection, everything)
        cursor = connection.execute(
            rows_statement(table, everything).replace(b"SELECT row_to_json(r)::text FROM", b"SELECT * FROM") + b" LIMIT 0",
            {"user": None, "project_id": None},
        )
        assert cursor.description is not None
        given = {column.name for column in cursor.description}

    left_out = {column for of_table, column in LEFT_OUT if of_table == table} | LEFT_OUT_COLUMNS.keys()

    assert columns[table] - given - left_out == set(), "export the column, or name it in LEFT_OUT with a reason"
    assert not given & {column for of_table, column in LEFT_OUT if of_table == table} - {"id"}


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
