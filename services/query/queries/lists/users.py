"""Users: from a name to the id that rows and rollups carry."""

from services.query.database import Connection, rows

# No row has it.
NOBODY = -2


def user_id(connection: Connection, name: str) -> int:
    """The user's id, NOBODY if there is none of that name."""
    found = rows(connection, "SELECT id FROM users WHERE name = %(name)s", {"name": name})
    return int(found[0]["id"]) if found else NOBODY
