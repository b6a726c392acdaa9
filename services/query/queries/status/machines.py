"""Machines that went silent while they still have something to send, or shortly after they were in use. Those of CI jobs may be silent."""

from functools import partial

from services.query.database import Connection, one_row
from shared.sql_files import statement

_sql = partial(statement, __package__, "machines.sql")

_SILENT = _sql("silent")


def silent_machines(connection: Connection, silent_hours: int) -> int:
    """How many there are now."""
    return int(one_row(connection, _SILENT, {"silent_hours": silent_hours})["number"])
