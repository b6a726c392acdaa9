"""No column and no key of Redis is forgotten by a scrub: each is gone over, or exempt for a reason."""

from collections.abc import Iterator

import psycopg
import pytest

from services.worker.maintenance.scrub.scrub import STAGES
from services.worker.maintenance.scrub.scrub_tables import BY_OTHER_STAGES, EXEMPT, EXEMPT_COLUMNS, TABLES

# Types that hold no text: whatever is written into a column of another type, a scrub must know of it.
HARMLESS = {"bigint", "integer", "smallint", "numeric", "boolean", "date", "timestamp with time zone", "uuid"}
HARMLESS |= {"bigint[]", "integer[]", "uuid[]", "tstzmultirange", "bit(4096)"}
COLUMNS = """
    SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm') AND a.attnum > 0 AND NOT a.attisdropped
      AND format_type(a.atttypid, a.atttypmod) <> ALL(%s)"""
# As `repair`, a check that a scrub may not be without: what the tables of TABLES are keyed by is unique.
UNIQUE = """
    SELECT c.relname, a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) WHERE i.indisunique"""

SCRUBBED = {(table.table, column) for table in TABLES for column in table.columns}


@pytest.fixture
def columns(database_url: str) -> Iterator[set[tuple[str, str]]]:
    """Those that can hold text: table and name."""
    with psycopg.connect(database_url) as connection:
        yield set(connection.execute(COLUMNS, [sorted(HARMLESS)]).fetchall())


def test_every_column_that_can_hold_text_is_scrubbed_or_exempt_for_a_reason(columns: set[tuple[str, str]]) -> None:
    decided = SCRUBBED | BY_OTHER_STAGES.keys() | EXEMPT.keys()

    forgotten = {(table, column) for table, column in columns - decided if column not in EXEMPT_COLUMNS}

    assert not forgotten, "add them to TABLES, or with a reason to EXEMPT, of services/worker/maintenance/scrub/scrub_tables.py"


def test_what_is_listed_exists(columns: set[tuple[str, str]]) -> None:
    assert not (SCRUBBED | BY_OTHER_STAGES.keys() | EXEMPT.keys()) - columns
    assert not EXEMPT_COLUMNS.keys() - {column for _, column in columns}
    assert set(BY_OTHER_STAGES.values()) <= {stage.name for stage in STAGES}


def test_nothing_is_both_scrubbed_and_exempt() -> None:
    assert not SCRUBBED & (BY_OTHER_STAGES.keys() | EXEMPT.keys())
    assert not {column for _, column in SCRUBBED} & EXEMPT_COLUMNS.keys()


def test_values_that_must_differ_still_do_after_a_scrub(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        unique = set(connection.execute(UNIQUE).fetchall())

    # Paths and patterns are unique by their hashes, the name of a view in any case.
    assert {(table.table, column) for table in TABLES for column in table.distinct} == (SCRUBBED & unique) | {
        ("projects", "path"),
        ("project_places", "path"),
        ("project_rules", "pattern"),
        ("saved_views", "name"),
    }
