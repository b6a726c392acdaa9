"""Migrations after the baseline run beside the services: they only expand, and take no lock for long."""

import re
from collections.abc import Iterator

import pytest

from deploy.migrations.migrate import SCRIPTS

BIG = (
    "messages|tool_calls|activities|api_calls|session_events|session_facts|sessions|files|session_files|\\w+_rollups|active_days|file_sets"
)

RULES = {
    "drops a table, which the running release may still use": r"\bDROP TABLE\b",
    "drops or renames a column, which the running release may still use": r"\bDROP COLUMN\b|\bRENAME\b",
    "changes a column's type, which rewrites the table under an exclusive lock": r"\bALTER COLUMN \w+ (SET DATA )?TYPE\b",
    "adds a column that old inserts do not fill": r"\bADD COLUMN (?:(?!,\s*ADD).)*\bNOT NULL\b(?:(?!,\s*ADD).)*$",
    "fills a new column row by row, which rewrites the table": r"\bDEFAULT (?:clock_timestamp|random|gen_random_uuid|uuidv[47])\b|\bGENERATED ALWAYS AS \(",
    "reads the whole table under an exclusive lock; first ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID and VALIDATE it": r"\bSET NOT NULL\b",
    "checks all rows under a lock; add it NOT VALID and VALIDATE it in the next migration": r"\bADD CONSTRAINT\b(?!.*\bNOT VALID\b)",
    "keeps out every write while the index is built; CREATE INDEX CONCURRENTLY outside a transaction": rf"\bCREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*?\bON (?:{BIG})\b",
    "touches every row in one transaction; do it in parts": rf"\b(?:UPDATE|DELETE FROM) (?:ONLY )?(?:{BIG})\b(?!.*\bWHERE\b)",
    "locks everybody out": r"\bTRUNCATE\b|\bCLUSTER\b|\bVACUUM FULL\b|\bLOCK TABLE\b|\bREINDEX (?!.*CONCURRENTLY)",
    "takes the time-outs off": r"\bSET (?:LOCAL )?(?:statement_timeout|lock_timeout) (?:=|TO) 0",
}
REASON = "safe while running:"


def objections(sql: str) -> list[str]:
    """One sentence for each statement that breaks a rule."""
    found = []
    new_tables = set(re.findall(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", sql))
    for comment, statement in _statements(sql):
        if REASON in comment.lower():
            continue
        # Changes of a table that this migration creates block nothing.
        target = re.match(r"(?:ALTER TABLE (?:ONLY )?|CREATE (?:UNIQUE )?INDEX .*?\bON |UPDATE |DELETE FROM )(\w+)", statement)
        if (target and target[1] in new_tables) or statement.startswith("CREATE TABLE"):
            continue
        found += [f"{statement[:80]!r} {what}" for what, pattern in RULES.items() if _breaks(pattern, statement)]
    return found


def _breaks(pattern: str, statement: str) -> bool:
    """Each action of ALTER TABLE is looked at by itself."""
    _, _, actions = statement.partition(" ADD COLUMN ")
    if "ADD COLUMN" in pattern and actions:
        columns = re.split(r",\s*ADD COLUMN ", actions)
        return any("NOT NULL" in column and "DEFAULT" not in column and "GENERATED" not in column for column in columns)
    return re.search(pattern, statement) is not None


def _statements(sql: str) -> Iterator[tuple[str, str]]:
    """(the comments before and in it, the statement in one line). Bodies in $$ stay whole."""
    # Every second part is a body.
    parts = [part.replace(";", "\0") if at % 2 else part for at, part in enumerate(sql.split("$$"))]
    for masked in re.split(r";\s*(?:\n|$)", "$$".join(parts)):
        part = masked.replace("\0", ";")
        comment = " ".join(re.findall(r"--(.*)", part))
        statement = re.sub(r"\s+", " ", re.sub(r"--.*", "", part)).strip()
        if statement:
            yield comment, statement


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
