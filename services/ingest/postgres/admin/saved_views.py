"""The SQL of saved views. Answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from psycopg.errors import UniqueViolation

from services.ingest.postgres.database import Database
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "saved_views.sql")

_DELETE: Final = "DELETE FROM saved_views WHERE id = %(id)s RETURNING name"


class NameTaken(Exception):
    """Another view has the name, in any case."""


class StoredView(Struct, frozen=True):
    """A view as it is stored."""

    id: UUID
    name: str
    address: str
    created_at: datetime


async def add(database: Database, name: str, address: str, key_id: str | None, *, most: int) -> StoredView | None:
    """The view that was added; None if there are `most` already. NameTaken."""
    return await _write(database, _SQL.add, {"name": name, "address": address, "key_id": key_id, "most": most})


async def change(database: Database, view_id: UUID, name: str, address: str) -> StoredView | None:
    """The view as it is now; None if there is none of this id. NameTaken."""
    return await _write(database, _SQL.change, {"id": view_id, "name": name, "address": address})


async def delete(database: Database, view_id: UUID) -> str | None:
    """The name of the view that was deleted; None if there is none."""
    found = await database.rows(_DELETE, {"id": view_id})
    return str(found[0]["name"]) if found else None


async def _write(database: Database, statement: str, params: dict[str, Any]) -> StoredView | None:
    try:
        found = await database.rows(statement, params)
    except UniqueViolation:
        raise NameTaken from None
    return StoredView(**found[0]) if found else None
