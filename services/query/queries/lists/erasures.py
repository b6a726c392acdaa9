"""Erasures: what went, and what may still have it."""

from functools import partial
from typing import Final
from uuid import UUID

from services.query.answers.erasures import Erasure, ErasurePage
from services.query.database import Connection, fetch_first
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import statement

_sql = partial(statement, __package__, "erasures.sql")

_ERASURES: Final = _sql("erasures")
_ERASURE: Final = _sql("erasure")


def erasures(connection: Connection, paging: Paging) -> ErasurePage:
    """The newest first."""
    parameters = paging.after(created_at="time", id="uuid")
    items, next_cursor = page(connection, Erasure, _ERASURES, parameters, paging, ("created_at", "erasure_id"))
    return ErasurePage(items, next_cursor)


def erasure(connection: Connection, erasure_id: UUID) -> Erasure | None:
    """One erasure."""
    return fetch_first(connection, Erasure, _ERASURE, {"id": erasure_id})
