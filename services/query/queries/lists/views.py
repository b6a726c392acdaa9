"""The views that people saved."""

from functools import partial
from typing import Final

from services.query.answers.views import SavedView, SavedViewPage
from services.query.database import Connection
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import statement

_sql = partial(statement, __package__, "views.sql")

_VIEWS: Final = _sql("views")


def views(connection: Connection, paging: Paging) -> SavedViewPage:
    """Views by name, whatever its case."""
    items, next_cursor = page(connection, SavedView, _VIEWS, paging.after(name="text"), paging, ("name_key",))
    return SavedViewPage(items, next_cursor)
