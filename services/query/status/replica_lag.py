"""How far the replica that query reads is behind the primary."""

from typing import Final

from msgspec import Struct

from services.query.database import Database, fetch_one, one_row
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "replica_lag.sql")

_WRITTEN: Final = "SELECT pg_current_wal_lsn()::text AS written"


class ReplicaLag(Struct, frozen=True):
    """`seconds` is the age of the newest transaction that was replayed, 0 if nothing is missing."""

    wal_bytes: int
    seconds: float


def replica_lag(database: Database) -> ReplicaLag:
    """The lag now. psycopg.Error if one of the two does not answer."""
    with database.connection(from_primary=True) as primary:
        written = one_row(primary, _WRITTEN)
    with database.connection() as replica:
        found = fetch_one(replica, ReplicaLag, _SQL.replayed, written)
    return ReplicaLag(found.wal_bytes, round(max(found.seconds, 0.0), 3) if found.wal_bytes else 0.0)
