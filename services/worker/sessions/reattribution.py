"""Moves what sessions count for: their contributions are withdrawn, their keys or rows change, and they are contributed again.

Usually a session's start is stored before its rows. Otherwise the rows were counted under "not known", and move when the start comes. Forked copies
that turn out to belong to another session (fork_ownership.py), and an undo, take the same way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from services.worker import lock_order
from services.worker.aggregates.registry import composed
from services.worker.aggregates.rollups import delete_emptied, rollups_that_note_emptied_cells
from services.worker.row_tables import ROW_TABLES, for_each
from services.worker.session_tables import tables_of_projects
from services.worker.sessions.session_titles import update_titles
from services.worker.sessions.tool_maxima import look_up_maxima
from services.worker.sql_text import ctes, listed, sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "reattribution.sql")

_MOVING_SESSIONS = "$relation AS (SELECT * FROM sessions WHERE session_id = ANY(%(session_ids)s))"

_PROJECTS = "SELECT DISTINCT project_id FROM sessions WHERE session_id = ANY(%(session_ids)s)"


@composed
def sessions_to_move() -> str:
    """Gives which of session_ids count under other keys than their starts and facts name."""
    return sql(_SQL.sessions_to_move, keys=sql(_SQL.keys, known="s"))


@composed
def sessions_to_move_if_forgotten() -> str:
    """The same, if what only the session itself knows were forgotten."""
    return sql(_SQL.sessions_to_move, keys=sql(_SQL.keys, known="nothing"))


@composed
def update_keys() -> str:
    """Gives the sessions of session_ids the keys that their starts and facts name."""
    return sql(_SQL.update_keys, keys=sql(_SQL.keys, known="s"))


@composed
def withdraw() -> str:
    """Takes what sessions and rows count for out of the aggregates."""
    return _contributions("gone")


@composed
def contribute() -> str:
    """Adds it again."""
    return _contributions("new")


def _contributions(age: str) -> str:
    rows = [
        sql(_SQL.moving_rows, relation=f"{age}_{table.name}", table=table.name, columns=listed(table.columns))
        for table in ROW_TABLES.values()
    ]
    relations = {f"{age}_{table}" for table in (*ROW_TABLES, "sessions")}
    return f"WITH {ctes(*rows, sql(_MOVING_SESSIONS, relation=f'{age}_sessions'), rollups_that_note_emptied_cells(relations))}"


@composed
def rebuild_days() -> str:
    """Makes the days of moving_days again, and moves the aggregates by the difference."""
    return sql(_SQL.rebuild_days, rollups=rollups_that_note_emptied_cells({"active_deltas"}))


@contextmanager
def reattributed(connection: Connection[Any], parameters: dict[str, Any]) -> Iterator[set[int]]:
    """Withdraws what sessions count for, lets the caller change their rows, and contributes it again under their keys.

    `parameters`: session_ids (their rows locked by the caller), idle_gap. Where not all rows of the sessions change: row_ids, and whole_ids, the
    sessions all of whose rows do. At the end the set has the projects that the sessions were in or are in.
    """
    parameters = {"row_ids": [], "whole_ids": parameters["session_ids"]} | parameters
    lock_order.lock_aggregates_exclusive(connection)
    projects = {row[0] for row in connection.execute(_PROJECTS, parameters)}
    connection.execute(_SQL.keep_sessions, parameters)
    connection.execute(_SQL.keep_tools, parameters)
    connection.execute(withdraw(), parameters)
    yield projects
    update_session_rows(connection, parameters)
    connection.execute(contribute(), parameters)
    # Before the maxima are looked up, which writes the cells again elsewhere.
    delete_emptied_cells(connection)
    look_up_maxima(connection)
    connection.execute(_SQL.keep_days, parameters)
    rebuild_moving_days(connection, parameters)
    connection.execute("DELETE FROM moving_tools; DELETE FROM moving_sessions")
    projects |= {row[0] for row in connection.execute(_PROJECTS, parameters)}


def rebuild_moving_days(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    """Makes the days that are noted in moving_days again. `parameters`: idle_gap."""
    connection.execute(_SQL.insert_days)
    connection.execute(_SQL.lock_days)
    connection.execute(rebuild_days(), parameters)
    connection.execute(_SQL.delete_empty_days)
    delete_emptied_cells(connection)
    connection.execute("DELETE FROM moving_days")


def update_session_rows(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    """Gives sessions the keys that their starts and facts name, their rows the sessions' project and user, and titles. Moves no aggregates."""
    connection.execute(update_keys(), parameters)
    update_titles(connection, parameters["session_ids"])
    for command in (*for_each(_SQL.move_rows), *_move_beside()):
        connection.execute(command, parameters)


def delete_emptied_cells(connection: Connection[Any]) -> None:
    """Deletes the cells that were noted as empty. Only under one of the exclusive locks of lock_order."""
    for command in delete_emptied():
        connection.execute(command)


def update_session_keys(connection: Connection[Any], session_ids: Sequence[str], idle_gap: timedelta) -> set[int]:
    """Gives sessions, whose rows are locked, the project and user that their starts and facts name, and moves what was stored under others.

    Returns the projects that lost or won a session.
    """
    parameters = {"session_ids": session_ids}
    [(moving,)] = connection.execute(sessions_to_move(), parameters).fetchall()
    projects: set[int] = set()
    if moving:
        with reattributed(connection, {"session_ids": moving, "idle_gap": idle_gap}) as projects:
            # Nothing but the keys changes.
            pass
    connection.execute(update_keys(), parameters)
    uncounted = [sql(_SQL.move_rows_of_uncounted, table=table.name).encode() for table in ROW_TABLES.values() if not table.counts]
    for command in (*uncounted, *_move_beside()):
        connection.execute(command, parameters)
    return projects


def _move_beside() -> list[bytes]:
    return [sql(_SQL.move_beside, table=table).encode() for table in tables_of_projects()]
