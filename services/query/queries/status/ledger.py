"""The outcome of the journal's events, and the time up to which the tables are complete."""

from datetime import datetime

from msgspec import Struct

from services.query.database import Connection, fetch_by, fetch_one, one_row
from shared.journal.accounting import Outcome
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "ledger.sql")


class LedgerCounts(Struct, frozen=True):
    """Events, since the database was made, and when the newest of them was received."""

    persisted: int
    duplicates: int
    dead: int
    last_received_at: datetime | None


def ledger_counts(connection: Connection) -> LedgerCounts:
    """The journal's accounts. Also tells whether the database answers and has its tables."""
    return fetch_one(connection, LedgerCounts, _SQL.counts)


def outcomes(connection: Connection) -> dict[str, Outcome]:
    """The outcome of the events in each of the journal's accounts, by epoch."""
    return fetch_by(connection, Outcome, "epoch", _SQL.outcomes)


def is_replica(connection: Connection) -> bool:
    """Whether the data that is read here may be behind."""
    return bool(one_row(connection, "SELECT pg_is_in_recovery() AS is_replica")["is_replica"])
