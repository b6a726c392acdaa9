"""Postgres privileges of each service: shared/tables against the migrated database."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.migrations.grants import INGEST, QUERY, ROLES, VIEWS, WORKER, grants
from shared.tables.acts import ACTS
from shared.tables.catalogue import TABLES
from shared.tables.sums import SUMS
from tests.conftest import as_role
from tests.kept_connection import select_rows

ROOT = Path(__file__).parents[2]
# Beat looks in the role of the query service.
READ_WITH_ITS_RIGHTS = ("services/query", "services/worker/sweep", "shared")
WORD = re.compile(r"[a-z_]+")
RIGHT = re.compile(r"([A-Z]+)(?: \((.*?)\))?")
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
OF_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")


# Each of a table goes for all of its columns.
FOUND = """
    SELECT c.relname, p, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid, unnest(%s::text[]) AS p
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
      AND CASE WHEN p = ANY (%s) THEN has_column_privilege(%s, c.oid, a.attnum, p) ELSE has_table_privilege(%s, c.oid, p) END"""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_exactly_the_listed_privileges(database_url: str, role: str) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for table, privilege, column in select_rows(database_url, FOUND, (list(PRIVILEGES), list(OF_COLUMNS), role, role)):
        found.setdefault((table, privilege), set()).add(column)

    listed = {(table, right): names for table, rights in grants(role).items() for right, names in RIGHT.findall(rights)}
    assert found.keys() == listed.keys()
    # A view has columns of its own.
    assert all(names == {*(WORD.findall(listed[of]) or TABLES[of[0]].named())} for of, names in found.items() if of[0] in TABLES)


def test_a_new_table_is_inaccessible_until_it_is_listed(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE of_tomorrow (id integer)")
        for role in ROLES:
            assert connection.execute("SELECT has_any_column_privilege(%s, 'of_tomorrow', 'SELECT')", (role,)).fetchone() == (False,)
        connection.rollback()


@pytest.mark.parametrize(
    "table",
    [
        *(table.name for table in (*ACTS, *SUMS) if table.name not in ("contested_rows", "base_sessions")),
        *("sessions", "projects", "users", "ledger", "accounts"),
    ],
)
def test_ingest_cannot_change_tables_of_the_worker(table: str) -> None:
    # That it has these alone is the first test.
    rights = {right: WORD.findall(columns) for right, columns in RIGHT.findall(grants(INGEST).get(table, ""))}

    assert rights.keys() <= {"SELECT", "UPDATE", *({"INSERT"} if table in ("sessions", "projects", "users") else ())}
    assert "UPDATE" not in rights or (rights["UPDATE"] and TABLES[table].named()[0] not in rights["UPDATE"])


def test_only_ingest_writes_keys_and_the_audit_log(database_url: str) -> None:
    """But for entries of the audit log that retention drops: those the worker deletes, and adds that it did."""
    for role in (QUERY, WORKER):
        for table in ("api_keys", "audit_log") if role == QUERY else ("api_keys",):
            with psycopg.connect(as_role(database_url, role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def test_tracker_bound_only_reads(database_url: str) -> None:
    sql_text = "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'tracker_bound' AND privilege_type <> 'SELECT'"
    assert select_rows(database_url, sql_text) == []


def texts_of(folder: Path) -> Iterator[str]:
    """All texts of a folder that may reach Postgres: its statements without comments, and strings in the code that are no docstrings."""
    for path in sorted(folder.rglob("*.sql")):
        yield re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    # The catalogue names all tables, and asks for none.
    for path in sorted(path for path in folder.rglob("*.py") if path.parent.name != "tables"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        yield from (
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
        )


def test_the_query_service_and_beat_read_only_what_their_statements_name(database_url: str) -> None:
    # Given the words of their statements, and of the functions and views that these name, which ask with their rights
    definitions = dict(
        select_rows(
            database_url,
            """SELECT proname::text, string_agg(pg_get_functiondef(oid), ' ') FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
                 AND NOT prosecdef AND prorettype <> 'trigger'::regtype GROUP BY 1
               UNION ALL SELECT viewname::text, definition FROM pg_views WHERE schemaname = 'public'""",
        )
    )
    named = {word for folder in READ_WITH_ITS_RIGHTS for text in texts_of(ROOT / folder) for word in WORD.findall(text)}
    while more := {word for name in named & definitions.keys() for word in WORD.findall(definitions.pop(name))} - named:
        named |= more

    # Ingest alone asks for these, with a statement in a shared module; and a container waits for the schema (deploy/migrations/wait.py)
    named = (named - {"kept_out_texts"}) | {"alembic_version"}

    # Then the role may read these tables and views, and no others
    assert grants(QUERY).keys() == named & {*TABLES, *VIEWS}, "say in shared/tables what the query service and beat read"
