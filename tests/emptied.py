"""A database as its migrations left it: no row, and every sequence at its start.

Most tests fill a handful of the tables, and rows are deleted: a truncated table is another file, for which each connection plans its statements anew.
"""

from typing import Any, Final

import psycopg

from tests.kept_connection import KeptConnection

# Tables that have a page. Changes that search indexes follow are kept: they are of several tests. Rows of kept_sums are of the migrations.
_FILLED: Final = """
SELECT string_agg(format('public.%I', relname), ', ')
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT IN ('alembic_version', 'search_changes', 'kept_sums')
    AND pg_relation_size(oid) > 0"""
_RESTART: Final = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL AND sequencename NOT IN ('search_changes_number_seq', 'kept_sums_number_seq')"""
# Tables whose rows a search finds. Their triggers note that they are gone.
_SEARCHED: Final = ("messages", "tool_calls", "timeline_entries", "activities", "sessions")


class Emptier:
    """Empties one database whenever it is called."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self._connection = KeptConnection(database_url)

    def __call__(self) -> None:
        try:
            self._connection.run(empty)
        except psycopg.errors.DeadlockDetected:
            # A service of the test before still writes, and locks rows in another order.
            self._connection.run(empty)

    def close(self) -> None:
        self._connection.close()


def empty(connection: psycopg.Connection[Any]) -> None:
    """Deletes the rows of the tables that have a page, and restarts the sequences that gave a number. Not for a connection with a row factory."""
    # Sums go with all others.
    connection.execute("SET tracker.sums_stay = 'on'")
    found = connection.execute(_FILLED).fetchone()
    if found is not None and found[0] is not None:
        tables = found[0].split(", ")
        for table in _SEARCHED:
            if f"public.{table}" in tables:
                connection.execute(f"DELETE FROM {table}".encode())
        # Without triggers and references.
        connection.execute("SET session_replication_role = 'replica'")
        connection.execute("; ".join(f"DELETE FROM {table}" for table in tables).encode())
        connection.execute("RESET session_replication_role")
    connection.execute(_RESTART)
    connection.execute("RESET tracker.sums_stay")
