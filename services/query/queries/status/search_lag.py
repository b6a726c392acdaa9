"""How far the search index is behind the rows."""

from msgspec import Struct

from services.query.database import Connection, one_row

# A table that is indexed as a whole waits behind everything else, for as long as that takes: that is no lag.
_LAG = """
    SELECT coalesce(sum(rows), 0)::bigint AS documents,
        coalesce(extract(epoch FROM clock_timestamp() - min(noted_at) FILTER (WHERE kind <> 'backfill')), 0)::float8 AS oldest_seconds
    FROM search_pending"""


class SearchLag(Struct, frozen=True):
    """Documents that are to be made again, in part an estimate, and for how long the oldest change waits; 0 if none does."""

    documents: int
    oldest_seconds: float


def search_lag(connection: Connection) -> SearchLag:
    """As it is now; of a replica, if that is what is read."""
    return SearchLag(**one_row(connection, _LAG))
