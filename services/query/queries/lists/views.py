"""The views that people saved."""

from typing import Final

from services.query.answers.views import SavedView, SavedViewPage
from services.query.database import Connection
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "views.sql")


def views(connection: Connection, paging: Paging) -> SavedViewPage:
    """Views by name, whatever its case."""
    items, next_cursor = page(connection, SavedView, _SQL.views, paging.after(name="text"), paging, ("name_key",))
    return SavedViewPage(items, next_cursor)
