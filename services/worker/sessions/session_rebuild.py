"""Sessions recomputed from their rows and facts: for undo and forked copies, and to verify that adding up went right.

Uses the text that persisting uses, over all rows instead of new ones.
"""

from typing import Any, Final

from psycopg import Connection

from services.worker.row_tables import ROW_TABLES, composed, for_all
from services.worker.sessions.session_totals import CHANGED, SUMMED, per_session
from services.worker.sql_text import ctes, listed, sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "session_rebuild.sql")

_HAS_NO_ROWS = "NOT EXISTS (SELECT FROM $table AS e WHERE e.session_id = s.session_id)"


def all_sessions() -> str:
    """A SELECT of every session that has rows or facts, as it should be but for the choice between its own numbers and its snapshot's."""
    return sql(_SQL.all_sessions, rows=_rows("session_id IS NOT NULL"), sums=listed(f"d.{name}" for name in SUMMED))


@composed
def rebuild_statement() -> str:
    """Recomputes the sessions of session_ids; gives how many are counted only now."""
    sums = listed(f"coalesce(d.{name}, 0) AS {name}" for name in SUMMED)
    return sql(_SQL.rebuild, rows=_rows("session_id = ANY(%(session_ids)s)"), sums=sums, changed=sql(CHANGED))


@composed
def delete_empty_statement() -> str:
    """Deletes the sessions of session_ids that have neither rows nor facts."""
    return sql(_SQL.delete_empty, has_no_rows=for_all(_HAS_NO_ROWS, joined_by="AND"))


def rebuild_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> int:
    """Recomputes sessions after their rows have changed; returns how many are counted only now.

    `parameters`: session_ids (their rows locked by the caller), idle_gap.
    """
    for command in (_SQL.delete_session_files, _SQL.insert_session_files):
        connection.execute(command, parameters)
    [(newly_counted,)] = connection.execute(rebuild_statement(), parameters).fetchall()
    return int(newly_counted)


def delete_empty_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    """`parameters`: session_ids."""
    connection.execute(delete_empty_statement(), parameters)


def _rows(condition: str) -> str:
    tables = (sql(_SQL.rows, table=table.name, columns=listed(table.columns), condition=condition) for table in ROW_TABLES.values())
    return ctes(*tables, sql(_SQL.other_rows, condition=condition), per_session(has_gone=False))
