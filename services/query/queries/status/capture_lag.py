"""How far the reading of what live capture has stored is behind."""

from msgspec import Struct

from services.query.database import Connection, fetch_one
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "capture_lag.sql")


class CaptureLag(Struct, frozen=True):
    """The age of the oldest range or hook that is not in rows yet, 0 if there is none, and the number of files that are set aside."""

    oldest_seconds: float
    set_aside: int


def capture_lag(connection: Connection) -> CaptureLag:
    """As it is now; of a replica, if that is what is read."""
    return fetch_one(connection, CaptureLag, _SQL.lag)
