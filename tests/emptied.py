"""A database as its migrations left it: no row, and every sequence at its start.

Most tests fill a handful of the tables. To look which ones takes less time than to truncate all.
"""

from typing import Any, Final

import psycopg
from psycopg import sql

_TABLES: Final = """
SELECT oid, relname, array(SELECT conrelid FROM pg_constraint WHERE confrelid = pg_class.oid AND contype = 'f')
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version'"""
_RESTART: Final = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"""


def empty(connection: psycopg.Connection[Any]) -> None:
    """Truncates the tables that have a row, and restarts the sequences that gave a number. Not for a connection with a row factory."""
    tables = connection.execute(_TABLES).fetchall()
    look = sql.SQL(" UNION ALL ").join(
        sql.SQL("(SELECT {}::oid FROM {} LIMIT 1)").format(sql.Literal(oid), sql.Identifier("public", name)) for oid, name, _ in tables
    )
    filled = {oid for (oid,) in connection.execute(look)}
    # Postgres wants the tables that refer to a truncated one to be named with it, also when they are empty.
    while more := {oid for table, _, referring in tables if table in filled for oid in referring} - filled:
        filled |= more
    if filled:
        names = sql.SQL(", ").join(sql.Identifier("public", name) for oid, name, _ in tables if oid in filled)
        connection.execute(sql.SQL("TRUNCATE {}").format(names))
    connection.execute(_RESTART)
