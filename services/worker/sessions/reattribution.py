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

_PROJECTS: Final = "SELECT DISTINCT project_id FROM sessions WHERE session_id = ANY(%(session_ids)s)"


class _Session(NamedTuple):
    """A session that got its keys, and its projects before and after. `is_moved`: it has another project or user."""

    session_id: str
    projects: list[int]
    is_moved: bool
    is_counted: bool


def projects_of(connection: Connection[Any], session_ids: Collection[str]) -> set[int]:
    """The projects that the sessions count under now."""
    return {project_id for (project_id,) in connection.execute(_PROJECTS, {"session_ids": list(session_ids)})}


def update_session_rows(
    connection: Connection[Any], session_ids: Collection[str], row_ids: Collection[UUID] = (), whole_ids: Collection[str] = ()
) -> set[int]:
    """Gives sessions, whose rows are locked, their keys and titles, and rows those keys. Returns the projects that the sessions were in or are in.

    `row_ids`: rows that came to these sessions. `whole_ids`: sessions all of whose rows may have other keys than the session; those of sessions
    whose keys change here are known.
    """
    found = _update_keys(connection, session_ids)
    moved = [each.session_id for each in found if each.is_moved]
    _move_rows(connection, ROW_TABLES, session_ids, row_ids, [*moved, *whole_ids])
    update_titles(connection, session_ids)
    return set[int]().union(*(each.projects for each in found))


def update_session_keys(connection: Connection[Any], session_ids: Collection[str]) -> set[int]:
    """The same for a batch, before its rows are stored. Returns the projects that lost or won a session; those that were not counted yet are left out."""
    moved = [each for each in _update_keys(connection, session_ids) if each.is_moved]
    counted = [each for each in moved if each.is_counted]
    # A session that is not counted yet has no rows of the other tables.
    tables = [name for name, table in ROW_TABLES.items() if counted or not table.counts]
    _move_rows(connection, tables, session_ids, whole_ids=[each.session_id for each in moved])
    return set[int]().union(*(each.projects for each in counted))


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
