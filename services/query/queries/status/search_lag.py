"""How far the search index is behind the rows."""

from functools import partial

from msgspec import Struct

from services.query.database import Connection, fetch_one
from shared.sql_files import statement

_sql = partial(statement, __package__, "search_lag.sql")

_LAG = _sql("lag")


class SearchLag(Struct, frozen=True):
    """Documents that are to be made again, in part an estimate, and for how long the oldest change waits; 0 if none does."""

    documents: int
    oldest_seconds: float


def search_lag(connection: Connection) -> SearchLag:
    """As it is now; of a replica, if that is what is read."""
    return fetch_one(connection, SearchLag, _LAG)
