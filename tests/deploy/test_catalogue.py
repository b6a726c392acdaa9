"""The catalogue tells every table and every column of the database, and what each of them holds."""

from collections import Counter

import pytest

from deploy import schema_page
from services.worker.maintenance.erase.erase import STAGES
from services.worker.persist.dropped_texts import ROW_TEXTS
from services.worker.row_tables import ROW_TABLES
from shared.tables.catalogue import TABLES
from shared.tables.table import NOTHING, Holds, Owner

# Types that hold no text.
HARMLESS = {"bigint", "integer", "smallint", "numeric", "boolean", "double precision", "date", "timestamp with time zone"}
HARMLESS |= {"tstzmultirange", "bit(4096)"}

WORDS = (Holds.NAME, Holds.USER_NAME, Holds.TEXT)


@pytest.fixture
def types(database_url: str) -> dict[tuple[str, str], str]:
    return {column: of_type for column, (of_type, _) in schema_page.types(database_url).items()}


def test_the_page_of_the_tables_is_current(database_url: str) -> None:
    assert schema_page.PAGE.read_text(encoding="utf-8") == schema_page.schema_page(database_url), "run `make reference`"


def test_every_table_and_every_column_is_told_once(types: dict[tuple[str, str], str]) -> None:
    told = Counter((table.name, column) for table in TABLES.values() for column in table.named())

    assert told == Counter(types.keys()), "say it in shared/tables"


def test_numbers_and_times_are_of_types_without_text_and_only_texts_in_arrays_are_told_as_arrays(types: dict[tuple[str, str], str]) -> None:
    for table in TABLES.values():
        for column in table.columns:
            of_type = types[table.name, column.name]
            assert column.holds not in (Holds.NUMBER, Holds.TIME) or of_type in HARMLESS, (table.name, column)
            assert column.holds is not Holds.BYTES or of_type == "bytea", (table.name, column)
            assert column.is_array == (of_type == "text[]" and column.holds in WORDS), (table.name, column)


def test_what_a_table_names_exists() -> None:
    stages = {stage.name for stage in STAGES} | {NOTHING}
    for table in TABLES.values():
        assert table.owner in {*Owner, *TABLES}, table.name
        assert table.erased in stages, table.name
        assert not table.alone or table.alone in table.named(Holds.TIME), table.name


def test_a_session_owns_every_row_that_has_its_id_and_nothing_keeps_one() -> None:
    with_id = {table.name for table in TABLES.values() if "session_id" in table.named()}
    # Found by an erasure, which forgets them; and rows that no transaction leaves behind.
    assert with_id - {"erasure_sessions", "changed_quarters"} == {table.name for table in TABLES.values() if table.owner == Owner.SESSION}
    assert not [
        table.name
        for table in TABLES.values()
        if table.erased == NOTHING and table.name != "changed_quarters" and {"session_id", "session_ids"} & {*table.named()}
    ]


def test_retention_of_texts_empties_every_text_of_a_row() -> None:
    # A call's outcome has only numbers and the tracker's own words.
    told = {name: {*TABLES[name].named(Holds.TEXT, Holds.JSON)} - {"outcome"} for name in ROW_TABLES}

    assert {name for name, of in told.items() if of} == ROW_TEXTS.keys()
    assert not [name for name, texts in ROW_TEXTS.items() if not told[name] <= texts.emptied.keys()]
