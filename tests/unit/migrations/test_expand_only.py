"""Migrations after the baseline run beside the services: they only expand, and take no lock for long."""

import pytest

from deploy.migrations.migrate import SCRIPTS
from tests.unit.migrations.expand_only import objections

# Not the baseline's, which no database has data before.
FILES = sorted([*SCRIPTS.glob("*.sql"), *(SCRIPTS / "versions").glob("*.py"), *(SCRIPTS / "versions").glob("*.sql")])
# No tag is older than these. One takes the old search away at once: empty tables would stand in every list of tables for a release, and searches of the
# version before would find nothing in them. The other moves jobs to one table: of two, a worker of either version would look at one alone.
CONTRACTS_AT_ONCE = {"0103_search_changes.sql": 1, "0104_jobs.sql": 1}


def test_migrations_only_expand() -> None:
    assert {path.name: len(found) for path in FILES if (found := objections(path.read_text(encoding="utf-8")))} == CONTRACTS_AT_ONCE


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE ledger;",
        "ALTER TABLE messages DROP COLUMN source;",
        "ALTER TABLE messages RENAME COLUMN source TO origin;",
        "ALTER TABLE messages ALTER COLUMN role TYPE varchar(9);",
        "ALTER TABLE messages ADD COLUMN a integer, ADD COLUMN b integer NOT NULL;",
        "ALTER TABLE messages ADD COLUMN seen_at timestamptz DEFAULT clock_timestamp();",
        "ALTER TABLE messages ALTER COLUMN source SET NOT NULL;",
        "ALTER TABLE messages ADD CONSTRAINT some_check CHECK (role <> '');",
        "CREATE INDEX messages_by_source\n    ON messages (source);",
        "UPDATE tool_calls SET source = 'x';",
        "LOCK TABLE messages IN ACCESS EXCLUSIVE MODE;",
        "SET LOCAL statement_timeout = 0;",
        "-- A reason of another kind.\nDROP TABLE ledger;",
    ],
)
def test_statements_that_block_the_services_are_found(sql: str) -> None:
    assert len(objections(f"CREATE TABLE new_one (id integer NOT NULL);\n{sql}\nSELECT 1;")) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT uuidv7(), at timestamptz NOT NULL);\nCREATE INDEX t_by_at ON t (at);\nALTER TABLE t ADD COLUMN n integer NOT NULL;",
        "ALTER TABLE messages ADD COLUMN a integer, ADD COLUMN b integer NOT NULL DEFAULT 0;",
        "ALTER TABLE messages ADD CONSTRAINT c CHECK (role IS NOT NULL) NOT VALID;",
        "ALTER TABLE messages VALIDATE CONSTRAINT c;",
        "CREATE INDEX CONCURRENTLY messages_by_source ON messages (source);",
        "CREATE INDEX dead_letters_waiting ON dead_letters (kind) WHERE stored_at IS NULL;",
        "UPDATE tool_calls SET source = 'x' WHERE id = '…';",
        "-- Safe while running: nobody has read it since the release before.\nDROP TABLE old_one;",
        "DO $$ BEGIN\n    PERFORM 1;\n    PERFORM 2;\nEND $$;",
        "CREATE FUNCTION f(text) RETURNS text LANGUAGE sql AS $$ SELECT $1; $$;\nALTER TABLE messages ADD COLUMN a integer;\nCREATE TABLE t (id integer NOT NULL);",
    ],
)
def test_expanding_statements_are_accepted(sql: str) -> None:
    assert objections(sql) == []
