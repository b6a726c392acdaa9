"""The slowest, the slowest measured and the last call of the cells of tool_rollups. A withdrawn call may have been any of them, so all are looked up again.

Cells of a project, user and day are looked up in the rows, and cells of more than one project or user in the cells of each. Weeks are looked up in
their days, and all time in its weeks.
"""

from typing import Any, Final

from psycopg import Connection

from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "tool_maxima.sql")


# (project_id, user_id) of moving_tools' cells, and where the maxima of a day are.
_OF_A_DAY: Final = {
    ("project_id", "user_id"): sql(_SQL.in_rows),
    ("project_id", "-1"): sql(_SQL.in_cells_of_each, each="users", project="r.project_id", user="e.id"),
    ("-1", "user_id"): sql(_SQL.in_cells_of_each, each="projects", project="e.id", user="r.user_id"),
    ("-1", "-1"): sql(_SQL.in_cells_of_each, each="users", project="-1", user="e.id"),
}


def look_up_statements() -> list[str]:
    """In this order: days, weeks, all time."""
    found = [(owners, in_day, "1440") for owners, in_day in _OF_A_DAY.items()]
    found += [(owners, sql(select), grain) for grain, select in (("10080", _SQL.in_days), ("0", _SQL.in_weeks)) for owners in _OF_A_DAY]
    return [sql(_SQL.look_up, found=select, project=project, user=user, grain=grain) for (project, user), select, grain in found]


def keep_slower_calls(connection: Connection[Any]) -> bool:
    """Notes stored tool calls that are slower than their staged version. True if there are any."""
    return connection.execute(_SQL.keep_slower).rowcount > 0


def look_up_maxima(connection: Connection[Any]) -> None:
    """The slowest, the slowest measured and the last call of each cell that a noted call was in."""
    for command in look_up_statements():
        connection.execute(command.encode())
