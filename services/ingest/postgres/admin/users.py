"""The SQL of a user's new name: a rename, or the beginning of a merge. The worker moves the rows of a merge (maintenance/merge_users.py).

The old name stays as an alias, so that later events of that name are the same user's. API keys that were bound to it are bound to the new name.
Every function answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

from dataclasses import dataclass
from typing import Any, Literal

from psycopg.errors import UniqueViolation

from services.ingest.postgres.audit import AuditRecord, add_record
from services.ingest.postgres.database import Connection, Database
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "users.sql")

_RENAME = "UPDATE users SET name = %(new_name)s WHERE id = %(id)s"
_ADD_ALIAS = "INSERT INTO users (name, alias_of) VALUES (%(name)s, %(id)s)"
# A user gets a former name back: two names change places. A name is unique at every moment, so one is set aside.
_SET_ASIDE = "UPDATE users SET name = gen_random_uuid()::text WHERE id = %(alias_id)s"
_NAME_ALIAS = "UPDATE users SET name = %(name)s WHERE id = %(alias_id)s"

_MERGE = "UPDATE users SET alias_of = %(into)s, merge_requested_at = clock_timestamp() WHERE id = %(id)s"
_MOVE_ALIASES = "UPDATE users SET alias_of = %(into)s WHERE alias_of = %(id)s"
_MOVE_KEYS = "UPDATE api_keys SET user_name = %(new_name)s WHERE user_name = %(name)s"
_MOVE_KEYS_OF_SEVERAL = (
    "UPDATE api_keys SET user_names = array_replace(user_names, %(name)s, %(new_name)s) WHERE %(name)s = ANY (user_names)"
)


Outcome = Literal["renamed", "merging", "done", "unknown", "alias", "taken"]


@dataclass(frozen=True, slots=True)
class Renamed:
    """The request's result. `done`: the name is an alias of the new one already. `user_id`: for `merging`, the user whose rows move, and why that failed."""

    outcome: Outcome
    user_id: int = 0
    failure: str | None = None


async def rename(database: Database, name: str, new_name: str, record: AuditRecord) -> Renamed:
    """Gives a user a new name; if another user has it, begins to merge the first into that one.

    `alias`: `name` is another name of a third user. `taken`: `new_name` is, or was added in this moment.
    """

    async def work(connection: Connection) -> Renamed:
        async with connection.transaction():
            found = await (await connection.execute(_SQL.lock, {"name": name, "new_name": new_name})).fetchall()
            by_name = {row["name"]: row for row in found}
            return await _rename(connection, by_name.get(name), by_name.get(new_name), {"name": name, "new_name": new_name}, record)

    try:
        return await database.run(work)
    except UniqueViolation:
        return Renamed("taken")


async def _rename(
    connection: Connection, user: dict[str, Any] | None, other: dict[str, Any] | None, params: dict[str, Any], record: AuditRecord
) -> Renamed:
    if user is None:
        return Renamed("unknown")
    if user is other:
        return Renamed("done" if user["alias_of"] is None else "alias")
    if user["alias_of"] is not None:
        if other is None or other["id"] != user["alias_of"]:
            return Renamed("alias")
        return Renamed("merging", user["id"], user["merge_failure"]) if user["is_merging"] else Renamed("done")
    params = params | {"id": user["id"]}
    statements: tuple[str, ...]
    if other is None:
        statements, done = (_RENAME, _ADD_ALIAS), Renamed("renamed")
    elif other["alias_of"] == user["id"]:
        params["alias_id"] = other["id"]
        statements, done = (_SET_ASIDE, _RENAME, _NAME_ALIAS), Renamed("renamed")
    elif other["alias_of"] is not None:
        return Renamed("taken")
    else:
        params["into"] = other["id"]
        statements, done = (_MERGE, _MOVE_ALIASES), Renamed("merging", user["id"])
    for each in (*statements, _MOVE_KEYS, _MOVE_KEYS_OF_SEVERAL):
        await connection.execute(each, params)
    await add_record(connection, record)
    return done


async def names_of(database: Database, name: str) -> set[str]:
    """All names of the user that has this one, this one included. Empty if there is no such user."""
    return {row["name"] for row in await database.rows(_SQL.names, {"name": name})}
