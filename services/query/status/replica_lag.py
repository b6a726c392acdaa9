"""How far the replica that query reads is behind the primary."""

from typing import Final

from msgspec import Struct

from services.query.database import Database, one_row

_WRITTEN: Final = "SELECT pg_current_wal_lsn()::text AS written"
# A checkpoint writes WAL without a transaction, and nothing readable is missing then; hence the time, too.
_REPLAYED: Final = """
    SELECT greatest(pg_wal_lsn_diff(CAST(%(written)s AS pg_lsn), pg_last_wal_replay_lsn()), 0)::bigint AS wal_bytes,
           coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)::float8 AS seconds
"""


class ReplicaLag(Struct, frozen=True):
    """`seconds` is the age of the newest transaction that was replayed, 0 if nothing is missing."""

    wal_bytes: int
    seconds: float


def replica_lag(database: Database) -> ReplicaLag:
    """The lag now. psycopg.Error if one of the two does not answer."""
    with database.connection(from_primary=True) as primary:
        written = one_row(primary, _WRITTEN)
    with database.connection() as replica:
        found = one_row(replica, _REPLAYED, written)
    # NULL: the server is no replica, so nothing is missing.
    wal_bytes = found["wal_bytes"] or 0
    return ReplicaLag(wal_bytes, round(max(found["seconds"], 0.0), 3) if wal_bytes else 0.0)
