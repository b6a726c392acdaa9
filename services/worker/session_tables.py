"""The tables with the id of a session beside those of rows (row_tables.py): one entry for each. What drops, erases or keeps out a session reads them.

tests/integration/worker/test_session_tables.py compares the entries with the catalog, so a new table needs one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from services.worker.sql_text import sql


@dataclass(frozen=True, slots=True)
class SessionTable:
    """`is_beside`: its rows may be all that there is of a session, before anything says whose it is and after an undo took the rest.

    `came_at`: of such a table, the column that says when a row came, from which retention counts. Without one a row goes when it is alone.
    `has_time`: a row is of one moment, its `occurred_at`, and goes with a range that has this.
    """

    name: str
    is_beside: bool = False
    came_at: str = ""
    has_time: bool = False


_TABLES: Final = (
    SessionTable("session_events", has_time=True),
    SessionTable("session_facts"),
    SessionTable("session_files"),
    SessionTable("session_marks", is_beside=True, came_at="changed_at"),
    SessionTable("hook_payloads", is_beside=True, came_at="received_at", has_time=True),
    SessionTable("signals", is_beside=True, came_at="received_at", has_time=True),
    SessionTable("session_signs", is_beside=True, came_at="heard_at"),
    SessionTable("agent_signs", is_beside=True, came_at="heard_at"),
    SessionTable("session_processes", is_beside=True, came_at="read_at"),
    SessionTable("status_lines", is_beside=True, came_at="read_at"),
    SessionTable("session_machines", is_beside=True),
    SessionTable("import_sessions"),
    SessionTable("contested_rows"),
    # They take their content with them.
    SessionTable("transcript_files"),
    SessionTable("dropped_texts"),
    SessionTable("dropping_sessions"),
)
SESSION_TABLES: Final = {table.name: table for table in _TABLES}
BESIDE: Final = tuple(table for table in _TABLES if table.is_beside)

_DELETE: Final = "DELETE FROM $table WHERE session_id = ANY(%(session_ids)s)"


def forget_sessions(connection: Connection[Any], session_ids: Collection[str], *, only_beside: bool = False) -> None:
    """Deletes what these tables have of sessions whose rows are gone, or were never there. `only_beside`: nothing is stored but what stands beside."""
    for table in BESIDE if only_beside else _TABLES:
        connection.execute(sql(_DELETE, table=table.name).encode(), {"session_ids": list(session_ids)})
