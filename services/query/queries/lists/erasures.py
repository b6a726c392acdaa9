"""Erasures: what went, and what may still have it."""

from typing import Final
from uuid import UUID

from services.query.answers.erasures import Erasure, ErasurePage
from services.query.database import Connection, fetch_first
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "erasures.sql")


def erasures(connection: Connection, paging: Paging) -> ErasurePage:
    """The newest first."""
    parameters = paging.after(created_at="time", id="uuid") | {"id": None}
    items, next_cursor = page(connection, Erasure, _SQL.erasures, parameters, paging, ("created_at", "erasure_id"))
    return ErasurePage(items, next_cursor)


def erasure(connection: Connection, erasure_id: UUID) -> Erasure | None:
    """One erasure."""
    return fetch_first(connection, Erasure, _SQL.erasures, {"id": erasure_id, "after_created_at": None, "after_id": None, "fetch": 1})
