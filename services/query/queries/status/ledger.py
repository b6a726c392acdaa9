"""What became of the journal's events, and up to when the tables are complete."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, text

from shared.journal.accounting import Outcome

_LAST_RECEIVED = text("SELECT max(last_received_at) FROM ledger")

_COUNTS = text("""
    SELECT coalesce(sum(persisted), 0)::bigint, coalesce(sum(duplicates), 0)::bigint, coalesce(sum(dead), 0)::bigint, max(last_received_at)
    FROM ledger
""")

_OUTCOMES = text("SELECT epoch, sum(persisted)::bigint, sum(duplicates)::bigint, sum(dead)::bigint FROM accounts GROUP BY epoch")


class LedgerCounts(Struct, frozen=True):
    """Events, since the database was made, and when the newest of them was received."""

    persisted: int
    duplicates: int
    dead: int
    last_received_at: datetime | None


def last_received_at(connection: Connection) -> datetime | None:
    """When the newest event that is applied came in; None if none has."""
    found: datetime | None = connection.execute(_LAST_RECEIVED).scalar()
    return found


def ledger_counts(connection: Connection) -> LedgerCounts:
    """The journal's accounts. Also tells whether the database answers and has its tables."""
    return LedgerCounts(*connection.execute(_COUNTS).one())


def outcomes(connection: Connection) -> dict[str, Outcome]:
    """What became of the events of each of the journal's accounts, by epoch."""
    return {epoch: Outcome(*counts) for epoch, *counts in connection.execute(_OUTCOMES)}


def is_replica(connection: Connection) -> bool:
    """Whether what is read here may be behind."""
    return bool(connection.execute(text("SELECT pg_is_in_recovery()")).scalar())
