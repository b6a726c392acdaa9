"""The catalogue tells every table and every column of the database, and what each of them holds."""

from collections import Counter

import pytest

from services.worker.maintenance.erase.erase import STAGES
from shared.tables.catalogue import TABLES
from shared.tables.table import NOTHING, Holds, Owner
from tests.kept_connection import select_rows

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm') AND a.attnum > 0 AND NOT a.attisdropped"""
# Types that hold no text.
HARMLESS = {"bigint", "integer", "smallint", "numeric", "boolean", "double precision", "date", "timestamp with time zone"}
HARMLESS |= {"tstzmultirange", "bit(4096)"}
# Ids of what is erased: these tables keep no row when it is. Of an erasure's tombstones a session's stay, and say nothing once the others are gone.
ERASED_IDS = {"session_id", "parent_session_id", "session_ids"}


@pytest.fixture
def types(database_url: str) -> dict[tuple[str, str], str]:
    return {(table, column): of_type for table, column, of_type in select_rows(database_url, COLUMNS)}


def test_every_table_and_every_column_is_told_once(types: dict[tuple[str, str], str]) -> None:
    told = Counter((table.name, column) for table in TABLES.values() for column in table.named())

    assert told == Counter(types.keys()), "say it in shared/tables"


def test_numbers_and_times_are_of_types_without_text_and_only_texts_in_arrays_are_told_as_arrays(types: dict[tuple[str, str], str]) -> None:
    for table in TABLES.values():
        for column in table.columns:
            of_type = types[table.name, column.name]
            assert column.holds not in (Holds.NUMBER, Holds.TIME) or of_type in HARMLESS, (table.name, column)
            assert column.is_array == (of_type == "text[]" and column.holds in (Holds.NAME, Holds.USER_NAME, Holds.TEXT)), (
                table.name,
                column,
            )
            assert (column.holds is Holds.BYTES) <= (of_type == "bytea"), (table.name, column)


def test_what_a_table_names_exists() -> None:
    stages = {stage.name for stage in STAGES} | {NOTHING}
    for table in TABLES.values():
        assert table.owner in {*Owner, *TABLES}, table.name
        assert table.erased in stages, table.name
        assert not table.alone or table.alone in table.named(Holds.TIME), table.name


def test_no_table_with_the_id_of_a_session_has_nothing_to_erase() -> None:
    assert not [table.name for table in TABLES.values() if table.erased == NOTHING and ERASED_IDS & {*table.named()}]
