"""Machines that went silent while they still have something to send, or shortly after they were in use. Those of CI jobs may be silent."""

from services.query.database import Connection, one_row
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "machines.sql")


def silent_machines(connection: Connection, silent_hours: int) -> int:
    """How many there are now."""
    return int(one_row(connection, _SQL.silent, {"silent_hours": silent_hours})["number"])
