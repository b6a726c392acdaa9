"""The views that people saved."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc
from services.query.database import Connection
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile


class SavedView(Answer):
    id: UUID
    name: str
    address: Annotated[str, doc("Path and query of a page of the dashboard.")]
    created_by: Annotated[str | None, doc("The name of the key that saved it; null if no key was needed.")]
    created_at: datetime


class SavedViewPage(Answer):
    items: list[SavedView]
    next_cursor: NextCursor


_SQL: Final = SqlFile(__package__, "views.sql")


def views(connection: Connection, paging: Paging) -> SavedViewPage:
    """Views by name, whatever its case."""
    items, next_cursor = page(connection, SavedView, _SQL.views, paging.after(name="text"), paging, ("name_key",))
    return SavedViewPage(items, next_cursor)
