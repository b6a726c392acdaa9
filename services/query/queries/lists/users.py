"""Users: the list, and from a name to the id that rows and rollups carry."""

from datetime import datetime
from typing import Annotated

from services.query.answers.answer import Answer
from services.query.answers.fields import CostUsd, NextCursor, doc
from services.query.database import Connection, Row, one_row, rows
from services.query.queries.lists.paging import Paging, page
from shared.database import ALL
from shared.sql_files import SqlFile


class User(Answer):
    name: str
    sessions: int
    active_minutes: float
    messages_count: int
    tool_calls_count: int
    cost_usd: CostUsd
    first_seen: Annotated[datetime | None, doc("Start of the user's first session; null if unknown.")]
    last_seen: Annotated[datetime | None, doc("Time of the newest event in the user's sessions.")]


class UserPage(Answer):
    items: list[User]
    next_cursor: NextCursor


_SQL = SqlFile(__package__, "users.sql")

# No row has it.
NOBODY = -2

_PERSON = "SELECT person_of(%(name)s) AS id"
_NAMES = "SELECT name FROM users WHERE coalesce(alias_of, id) = (SELECT person_of(%(name)s))"


def users(
    connection: Connection,
    projects: list[int] | None,
    user: str | None,
    dates: tuple[datetime | None, datetime | None],
    paging: Paging,
    idle_gap_seconds: int,
) -> UserPage:
    """Users by name, with what they did in these projects together; None is all projects.

    `dates` are [start, end): listed are users with a session that starts there, with totals of all time. None is an open side.
    """
    start, end = dates
    parameters: Row = {"projects": [ALL] if projects is None else projects, "user": user, "start": start, "end": end}
    parameters |= {"idle_gap_seconds": idle_gap_seconds} | paging.after(name="text")
    items, next_cursor = page(connection, User, _SQL.users, parameters, paging, ("name",))
    return UserPage(items, next_cursor)


def bound_user_ids(connection: Connection) -> list[int] | None:
    """The users that the transaction is bound to, with their former ids; None if it is bound to none."""
    found: list[int] | None = one_row(connection, "SELECT bound_users() AS ids")["ids"]
    return found


def bound_user_names(connection: Connection) -> set[str]:
    """The names of the users that the transaction is bound to, with their former names."""
    return set(one_row(connection, "SELECT bound_user_names() AS names")["names"])


def own_user_id(connection: Connection, name: str) -> int:
    """The same for one of the users that the transaction is bound to, by any of its names; NOBODY for all others."""
    own, found = bound_user_ids(connection) or [], user_id(connection, name)
    return found if found in own else NOBODY


def user_id(connection: Connection, name: str) -> int:
    """The id of the user that has the name, or had it; NOBODY if it is unknown."""
    found: int | None = one_row(connection, _PERSON, {"name": name})["id"]
    return NOBODY if found is None else found


def user_names(connection: Connection, name: str) -> set[str]:
    """All names of the user that has this one or had it; the name alone if it is unknown."""
    return {name, *(row["name"] for row in rows(connection, _NAMES, {"name": name}))}
