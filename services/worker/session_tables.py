"""The tables with rows of sessions beside those of counted rows (row_tables.py), as shared/tables has them. Retention, erasures and
tombstones read them.
"""

from collections.abc import Collection
from typing import Any, Final

from psycopg import Connection

from services.worker.row_tables import ROW_TABLES
from services.worker.sql_text import sql
from shared.tables.catalogue import TABLES
from shared.tables.sums import SUMS
from shared.tables.table import Owner, Table

# Starts and facts have the person and the project of the path that they name: those of a session are computed from them.
KEYS_OF_SESSIONS: Final = ("session_events", "session_facts")
_DELETE: Final = "DELETE FROM $table WHERE session_id = ANY(%(session_ids)s)"


def session_tables() -> dict[str, Table]:
    """All of them, without the sessions themselves. Sums follow by triggers."""
    kept = {*ROW_TABLES, "sessions", *(table.name for table in SUMS)}
    return {name: table for name, table in TABLES.items() if table.owner == Owner.SESSION and name not in kept}


def tables_beside() -> list[Table]:
    """Those whose rows may be all that there is of a session, before anything says whose it is and after an undo took the rest."""
    return [table for table in TABLES.values() if table.alone is not None]


def tables_of_projects() -> list[str]:
    """Those whose rows have the project of their session: when that counts under another one, they do. Marks have one once their session is gone."""
    return [
        name
        for name, table in session_tables().items()
        if "project_id" in table.named() and name not in (*KEYS_OF_SESSIONS, "session_marks")
    ]


def forget_sessions(connection: Connection[Any], session_ids: Collection[str], *, only_beside: bool = False) -> None:
    """Deletes what these tables have of sessions whose rows are gone, or were never there. `only_beside`: nothing is stored but what stands beside.

    Some take their content with them.
    """
    for table in tables_beside() if only_beside else session_tables().values():
        connection.execute(sql(_DELETE, table=table.name).encode(), {"session_ids": list(session_ids)})
