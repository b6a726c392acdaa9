"""Machines: what their shippers said last, and which of their transcripts are not here yet."""

from functools import partial
from typing import Final

from services.query.database import Connection
from services.query.queries.lists.paging import Page, Paging, page
from shared.sql_files import statement

_sql = partial(statement, __package__, "machines.sql")

# The transcripts of a machine that are shown; all are counted.
SHOWN_TRANSCRIPTS: Final = 50

_MACHINES: Final = _sql("machines")


def machines(connection: Connection, user: str | None, key_user: str | None, paging: Paging, *, silent_hours: int, is_bound: bool) -> Page:
    """Machines by name. `key_user`: the only user whose machines the key sees. `is_bound`: it sees transcripts of its projects only."""
    parameters = {"user": user, "key_user": key_user, "silent_hours": silent_hours, "is_bound": is_bound, "shown": SHOWN_TRANSCRIPTS}
    return page(
        connection, _MACHINES, parameters | paging.after(name="text", id="text"), paging, lambda row: (row["name"], row["machine_id"])
    )
