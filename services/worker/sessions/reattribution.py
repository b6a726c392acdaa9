"""Gives sessions the project and user that their starts and facts name, and rows those of their session. Sums follow by triggers.

Usually a session's start is stored before its rows. Otherwise the rows were stored under "not known", and move when the start comes. Forked copies
that turn out to belong to another session (fork_ownership.py), and an undo, take the same way.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from services.worker.row_tables import ROW_TABLES
from services.worker.session_tables import tables_of_projects
from services.worker.sessions.session_titles import update_titles
from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "reattribution.sql")


class _Session(NamedTuple):
    """A session that got its keys. `is_moved`: it has another project or user."""

    session_id: str
    is_moved: bool
    is_counted: bool


def update_session_rows(
    connection: Connection[Any], session_ids: Collection[str], row_ids: Collection[UUID] = (), whole_ids: Collection[str] = ()
) -> None:
    """Gives sessions, whose rows are locked, their keys and titles, and rows those keys.

    `row_ids`: rows that came to these sessions. `whole_ids`: sessions all of whose rows may have other keys than the session; those of sessions
    whose keys change here are known.
    """
    moved = [each.session_id for each in _update_keys(connection, session_ids) if each.is_moved]
    _move_rows(connection, ROW_TABLES, session_ids, row_ids, [*moved, *whole_ids])
    update_titles(connection, session_ids)


def update_session_keys(connection: Connection[Any], session_ids: Collection[str]) -> None:
    """The same for a batch, before its rows are stored."""
    moved = [each for each in _update_keys(connection, session_ids) if each.is_moved]
    # A session that is not counted yet has no rows of the other tables.
    tables = [name for name, table in ROW_TABLES.items() if not table.counts or any(each.is_counted for each in moved)]
    _move_rows(connection, tables, session_ids, whole_ids=[each.session_id for each in moved])


def _update_keys(connection: Connection[Any], session_ids: Collection[str]) -> list[_Session]:
    with connection.cursor(row_factory=class_row(_Session)) as cursor:
        return cursor.execute(_SQL.update_keys, {"session_ids": list(session_ids)}).fetchall()


def _move_rows(
    connection: Connection[Any],
    tables: Iterable[str],
    session_ids: Collection[str],
    row_ids: Collection[UUID] = (),
    whole_ids: Collection[str] = (),
) -> None:
    parameters = {"session_ids": list(session_ids), "row_ids": list(row_ids), "whole_ids": list(whole_ids)}
    moves = [sql(_SQL.move_rows, table=table) for table in tables]
    for command in (*moves, *(sql(_SQL.move_beside, table=table) for table in tables_of_projects())):
        connection.execute(command.encode(), parameters)
