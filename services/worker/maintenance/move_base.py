"""Moves what is in the base of the aggregates to another user or project, for the merges of both. Cells are those of rows and base after each step."""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

from services.worker import lock_order
from services.worker.aggregates.dropped_contributions import SESSIONS, Move, chosen, move, move_sessions
from services.worker.aggregates.registry import AGGREGATES, TOOL_ROLLUPS, Aggregate
from services.worker.persist.persist_batch import date_projects
from services.worker.sessions.reattribution import delete_emptied_cells, rebuild_moving_days
from services.worker.sessions.tool_maxima import look_up_maxima


def move_some_base(connection: Connection[Any], wanted: Move, parameters: Mapping[str, Any]) -> bool:
    """Moves the next part, in the transaction of a caller that has writing exclusively. False if nothing was left.

    `parameters`: those of the move, rows_limit, sessions_limit and idle_gap.
    """
    of_rows = dict(parameters) | {"limit": parameters["rows_limit"]}
    of_sessions = dict(parameters) | {"limit": parameters["sessions_limit"]}
    for aggregate in AGGREGATES.values():
        if wanted.owner in aggregate.owners and _is_any_left(connection, aggregate.base, wanted, of_rows):
            _move_some(connection, aggregate, wanted, of_rows)
            return True
    if _is_any_left(connection, SESSIONS, wanted, of_sessions):
        lock_order.lock_aggregates_exclusive(connection)
        projects = {row[0] for row in connection.execute(move_sessions(wanted).encode(), of_sessions)}
        rebuild_moving_days(connection, of_sessions)
        date_projects(connection, projects)
        return True
    return False


def _is_any_left(connection: Connection[Any], base: str, wanted: Move, parameters: dict[str, Any]) -> bool:
    return connection.execute(chosen(base, wanted).encode(), parameters | {"limit": 1}).fetchone() is not None


def _move_some(connection: Connection[Any], aggregate: Aggregate, wanted: Move, parameters: dict[str, Any]) -> None:
    lock_order.lock_aggregates_exclusive(connection)
    connection.execute(move(aggregate, wanted).encode(), parameters)
    # Before the maxima are looked up, which writes the cells again elsewhere.
    delete_emptied_cells(connection)
    if aggregate is TOOL_ROLLUPS:
        look_up_maxima(connection)
        connection.execute("DELETE FROM moving_tools")
