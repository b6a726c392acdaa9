"""Prices in use, and runs that priced stored calls anew."""

from typing import Final
from uuid import UUID

from services.query.answers.prices import ModelPrice, Prices, Reprice, RepricePage
from services.query.database import Connection, fetch, fetch_first
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "prices.sql")


def prices(connection: Connection) -> Prices:
    """All: those of one's own first."""
    return Prices(fetch(connection, ModelPrice, _SQL.prices, {}))


def reprices(connection: Connection, paging: Paging) -> RepricePage:
    """The newest first."""
    parameters = paging.after(created_at="time", id="uuid") | {"id": None}
    items, next_cursor = page(connection, Reprice, _SQL.reprices, parameters, paging, ("created_at", "reprice_id"))
    return RepricePage(items, next_cursor)


def reprice(connection: Connection, reprice_id: UUID) -> Reprice | None:
    """One run."""
    return fetch_first(connection, Reprice, _SQL.reprices, {"id": reprice_id, "after_created_at": None, "after_id": None, "fetch": 1})
