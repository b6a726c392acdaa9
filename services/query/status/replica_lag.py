"""How far the replica that query reads is behind the primary."""

from typing import Final

from msgspec import Struct
from sqlalchemy import text

from services.query.reads import Reads

_WRITTEN: Final = text("SELECT pg_current_wal_lsn()::text")
# What is written to the primary and is not of any transaction, as a checkpoint is, makes no reader wait; hence the time, too.
_REPLAYED: Final = text("""
    SELECT greatest(pg_wal_lsn_diff(CAST(:written AS pg_lsn), pg_last_wal_replay_lsn()), 0)::bigint,
           coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)::float8
""")


class Behind(Struct, frozen=True):
    """`seconds` is the age of the newest transaction that was replayed, 0 if nothing is missing."""

    wal_bytes: int
    seconds: float


def behind(reads: Reads) -> Behind:
    """As of now. SQLAlchemy's errors if one of the two cannot be asked."""
    with reads.connection(fresh=True) as primary:
        written = primary.execute(_WRITTEN).scalar_one()
    with reads.connection() as replica:
        wal_bytes, seconds = replica.execute(_REPLAYED, {"written": written}).one()
    # NULL, None: it is no replica, and has what it has.
    return Behind(wal_bytes or 0, round(max(seconds, 0.0), 3) if wal_bytes else 0.0)
