"""The parts of /api/status: the journal's accounts, the database, live capture, jobs, machines, canaries, the archive and prices."""

from datetime import datetime
from typing import Final

from msgspec import Struct, field

from services.query.answers.operations import Canary, DamagedTranscript, UnpricedModel
from services.query.database import Connection, fetch, fetch_by, fetch_first, fetch_one, one_row, rows
from shared.jobs import UNFINISHED
from shared.journal.accounting import Outcome
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "status.sql", unfinished=UNFINISHED)

MOST_DAMAGED: Final = 100
MOST_UNPRICED: Final = 50


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


_JOBS = "SELECT status, count(*) AS number FROM import_jobs WHERE kind <> 'capture' GROUP BY status"
_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class Capacity(Struct):
    """Bytes on the disk, client connections, and import jobs of every status."""

    bytes: int
    connections: int
    max_connections: int
    jobs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_STATUSES, 0))


def capacity(connection: Connection) -> Capacity:
    """As it is now; of a replica, if that is what is read."""
    found = fetch_one(connection, Capacity, _SQL.database)
    found.jobs |= {row["status"]: row["number"] for row in rows(connection, _JOBS)}
    return found


class CaptureLag(Struct, frozen=True):
    """The age of the oldest range or hook that is not in rows yet, 0 if all are, and the number of files that are set aside."""

    oldest_seconds: float
    set_aside: int


def capture_lag(connection: Connection) -> CaptureLag:
    """As it is now; of a replica, if that is what is read."""
    return fetch_one(connection, CaptureLag, _SQL.lag)


def standing_jobs(connection: Connection) -> dict[str, float]:
    """Seconds since the last progress of the job that is stuck longest, by kind. Without kinds that have no unfinished job."""
    return {row["kind"]: row["seconds"] for row in rows(connection, _SQL.standing)}


def silent_machines(connection: Connection, silent_hours: int) -> int:
    """How many there are now."""
    return int(one_row(connection, _SQL.silent, {"silent_hours": silent_hours})["number"])


_NEWEST_CANARY = "SELECT id, sent_at, stored_at FROM canaries ORDER BY stored_at DESC LIMIT 1"


def newest_canary(connection: Connection) -> Canary:
    """All its fields are None before the first."""
    return fetch_first(connection, Canary, _NEWEST_CANARY) or Canary(None, None, None)


def damaged_transcripts(connection: Connection) -> list[DamagedTranscript]:
    """The first hundred, the oldest find first."""
    return fetch(connection, DamagedTranscript, _SQL.damaged, {"most": MOST_DAMAGED})


def unpriced_models(connection: Connection) -> list[UnpricedModel]:
    """The first fifty, those with most calls first."""
    return fetch(connection, UnpricedModel, _SQL.unpriced, {"most": MOST_UNPRICED})
