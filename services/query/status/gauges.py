"""What the query service's /metrics tells of the system behind it."""

from collections.abc import Mapping

from services.query.queries.status.capacity import Capacity
from services.query.queries.status.ledger import LedgerCounts
from services.query.status.accounting import Accounts
from services.query.status.canary_age import LastSeen
from services.query.status.journal_lag import Lag
from services.query.status.redis_memory import Memory
from services.query.status.replica_lag import Behind
from shared import metrics


def show_state(ledger: LedgerCounts | None, lag: Lag | None) -> None:
    """The journal and the ledger; what is None keeps its last value, and is said to."""
    metrics.STATE_READABLE.labels("journal").set(lag is not None)
    metrics.STATE_READABLE.labels("database").set(ledger is not None)
    if lag is not None:
        metrics.JOURNAL_ENTRIES.set(lag.entries)
        metrics.JOURNAL_OLDEST_SECONDS.set(lag.oldest_seconds)
    if ledger is not None:
        metrics.EVENTS_PERSISTED.set(ledger.persisted)
        metrics.EVENTS_DUPLICATE.set(ledger.duplicates)
        metrics.EVENTS_DEAD.set(ledger.dead)
        metrics.LAST_RECEIVED_SECONDS.set(ledger.last_received_at.timestamp() if ledger.last_received_at else 0)


def show_dead_letters(waiting: Mapping[str, int]) -> None:
    """By kind. One of which none waits any more is not shown with its last number."""
    metrics.DEAD_LETTERS.clear()
    for kind, number in waiting.items():
        metrics.DEAD_LETTERS.labels(kind).set(number)


def show_replica(behind: Behind | None) -> None:
    """How far the replica is behind; nothing without one."""
    if behind is not None:
        metrics.REPLICA_BEHIND_BYTES.set(behind.wal_bytes)
        metrics.REPLICA_BEHIND_SECONDS.set(behind.seconds)


def show_accounting(accounts: Accounts) -> None:
    """The journal's equation."""
    equation = accounts.equation
    for state in ("accepted", "persisted", "duplicate", "dead", "pending"):
        metrics.ACCOUNTING_EVENTS.labels(state).set(getattr(equation, state))
    metrics.ACCOUNTING_DRIFT.set(equation.drift)
    metrics.ACCOUNTING_ALARMS.set(accounts.alarms)
    metrics.ACCOUNTING_FORMER_EPOCHS.set(equation.former_epochs)


def show_canary(seen: LastSeen | None) -> None:
    """Whether events get through; nothing without a canary."""
    if seen is not None:
        metrics.CANARY_AGE_SECONDS.set(seen.age_seconds)
        if seen.round_trip_seconds is not None:
            metrics.CANARY_ROUND_TRIP_SECONDS.set(seen.round_trip_seconds)


def show_memory(memory: Memory) -> None:
    """Redis'."""
    metrics.REDIS_USED_BYTES.set(memory.used)
    metrics.REDIS_MAX_BYTES.set(memory.limit)


def show_capacity(found: Capacity) -> None:
    """Postgres', and the import jobs."""
    metrics.DATABASE_BYTES.set(found.bytes)
    metrics.DATABASE_CONNECTIONS.set(found.connections)
    metrics.DATABASE_MAX_CONNECTIONS.set(found.max_connections)
    for status, number in found.jobs.items():
        metrics.IMPORT_JOBS.labels(status).set(number)
