"""The SQL of saved views. Answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""

from typing import Any, Final
from uuid import UUID

from psycopg.errors import UniqueViolation

from services.ingest.http.responses import ViewSaved
from services.ingest.postgres.database import Database
from shared.http.errors import Conflict
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "saved_views.sql")

_DELETE: Final = "DELETE FROM saved_views WHERE id = %(id)s RETURNING name"


async def add(database: Database, name: str, address: str, key_id: str | None, *, most: int) -> ViewSaved | None:
    """The view that was added; None if there are `most` already. Conflict if another view has the name, in any case."""
    return await _write(database, _SQL.add, {"name": name, "address": address, "key_id": key_id, "most": most})


async def change(database: Database, view_id: UUID, name: str, address: str) -> ViewSaved | None:
    """The view as it is now; None if there is none of this id. Conflict if another view has the name, in any case."""
    return await _write(database, _SQL.change, {"id": view_id, "name": name, "address": address})


async def delete(database: Database, view_id: UUID) -> str | None:
    """The name of the view that was deleted; None if no view has the id."""
    found = await database.rows(_DELETE, {"id": view_id})
    return str(found[0]["name"]) if found else None


async def _write(database: Database, statement: str, params: dict[str, Any]) -> ViewSaved | None:
    try:
        found = await database.rows(statement, params)
    except UniqueViolation:
        raise Conflict("Another saved view has this name; choose another one, or change that view.", details={"name": "taken"}) from None
    return ViewSaved(**found[0]) if found else None
