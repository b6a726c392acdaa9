"""Machines: what their shippers said last, and which of their transcripts are not here yet."""

from typing import Final

from services.query.answers.machines import Machine, MachinePage
from services.query.database import Connection, Row
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "machines.sql")

# The transcripts of a machine that are shown; all are counted.
SHOWN_TRANSCRIPTS: Final = 50


def machines(
    connection: Connection, user: str | None, key_users: list[str] | None, paging: Paging, *, silent_hours: int, is_bound: bool
) -> MachinePage:
    """Machines by name. `key_users`: the users whose machines the key sees. `is_bound`: it sees transcripts of sessions that it may read only."""
    parameters: Row = {"user": user, "key_users": key_users, "silent_hours": silent_hours, "is_bound": is_bound, "shown": SHOWN_TRANSCRIPTS}
    parameters |= paging.after(name="text", id="text")
    items, next_cursor = page(connection, Machine, _SQL.machines, parameters, paging, ("name", "machine_id"))
    return MachinePage(items, next_cursor)
