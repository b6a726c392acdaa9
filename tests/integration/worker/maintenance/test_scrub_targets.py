"""A scrub can go over every table that shared/tables names for it: by a key, and so that values that must differ still do."""

from typing import Final

import pytest

from services.worker.maintenance.scrub.scrub_tables import ELSEWHERE, TAKEN, text_tables
from shared.tables.catalogue import TABLES
from tests.kept_connection import select_rows

# As `repair`, a check that a scrub may not be without: the columns of unique indexes, with how many such an index has.
UNIQUE: Final = """
    SELECT c.relname, a.attname, i.indnkeyatts FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) WHERE i.indisunique"""
SCRUBBED: Final = {(table.table, column) for table in text_tables() for column in table.columns}


@pytest.fixture
def unique(database_url: str) -> dict[tuple[str, str], int]:
    rows = select_rows(database_url, UNIQUE)
    return {(table, column): min(n for of, name, n in rows if (of, name) == (table, column)) for table, column, _ in rows}


def test_what_another_stage_goes_over_is_told() -> None:
    assert {(table.name, column) for table in TABLES.values() for column in table.named()} >= ELSEWHERE


def test_a_table_is_gone_over_by_a_unique_key(unique: dict[tuple[str, str], int]) -> None:
    assert {table.table: unique.get((table.table, table.key)) for table in text_tables()} == {table.table: 1 for table in text_tables()}


def test_values_that_must_differ_still_do_after_a_scrub(unique: dict[tuple[str, str], int]) -> None:
    # Paths and patterns are unique by their hashes, the name of a view in any case.
    assert TAKEN.keys() == (SCRUBBED & unique.keys()) | {
        ("projects", "path"),
        ("project_places", "path"),
        ("project_rules", "pattern"),
        ("saved_views", "name"),
    }
