"""What became of the journal's events, and up to when the tables are complete."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, text

_LAST_RECEIVED = text("SELECT max(last_received_at) FROM ledger")

_COUNTS = text("""
    SELECT coalesce(sum(persisted), 0)::bigint, coalesce(sum(duplicates), 0)::bigint, coalesce(sum(dead), 0)::bigint FROM ledger
""")


class LedgerCounts(Struct, frozen=True):
    """Events, since the database was made."""

    persisted: int
    duplicates: int
    dead: int


def last_received_at(connection: Connection) -> datetime | None:
    """When the newest event that is applied came in; None if none has."""
    found: datetime | None = connection.execute(_LAST_RECEIVED).scalar()
    return found


def ledger_counts(connection: Connection) -> LedgerCounts:
    """The journal's accounts. Also tells whether the database answers and has its tables."""
    return LedgerCounts(*connection.execute(_COUNTS).one())
