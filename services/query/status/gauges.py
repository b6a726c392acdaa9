"""The gauges of the query service's /metrics that describe the system behind it."""

from collections.abc import Mapping

from services.query.queries.status import Capacity, CaptureLag, LedgerCounts
from services.query.search_index import reader
from services.query.status.state import Accounts, CanaryAge, Lag, Memory, ReplicaLag
from shared import metrics


def set_state(ledger: LedgerCounts | None, lag: Lag | None) -> None:
    """Journal and ledger. An argument of None leaves the last value, and sets STATE_READABLE to 0."""
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


def set_dead_letters(waiting: Mapping[str, int]) -> None:
    """By kind. Kinds without a waiting dead letter are removed."""
    metrics.DEAD_LETTERS.clear()
    for kind, number in waiting.items():
        metrics.DEAD_LETTERS.labels(kind).set(number)


def set_replica(lag: ReplicaLag | None) -> None:
    """How far the replica is behind; unchanged without one."""
    if lag is not None:
        metrics.REPLICA_BEHIND_BYTES.set(lag.wal_bytes)
        metrics.REPLICA_BEHIND_SECONDS.set(lag.seconds)


def set_silent_machines(number: int) -> None:
    """Machines that were not heard of for too long."""
    metrics.MACHINES_SILENT.set(number)


def set_capture(lag: CaptureLag) -> None:
    """How far the reading of captured files and hooks is behind."""
    metrics.CAPTURE_OLDEST_SECONDS.set(lag.oldest_seconds)
    metrics.CAPTURE_SET_ASIDE.set(lag.set_aside)


def set_search(lag: reader.Lag, waiting_sessions: int) -> None:
    """The lag of this process' search index."""
    metrics.SEARCH_PENDING_DOCUMENTS.set(lag.texts)
    metrics.SEARCH_OLDEST_SECONDS.set(lag.oldest_seconds)
    metrics.SEARCH_WAITING_SESSIONS.set(waiting_sessions)


def set_standing_jobs(seconds: Mapping[str, float]) -> None:
    """By kind of job. Kinds without an unfinished job are removed."""
    metrics.JOBS_STANDING_SECONDS.clear()
    for kind, standing in seconds.items():
        metrics.JOBS_STANDING_SECONDS.labels(kind).set(standing)


def set_failed_looks(failed: Mapping[str, int]) -> None:
    """How often beat's looks failed, by name."""
    for look, number in failed.items():
        metrics.FAILED_LOOKS.labels(look).set(number)


def set_accounting(accounts: Accounts) -> None:
    """The journal's equation."""
    equation = accounts.equation
    for state in ("accepted", "persisted", "duplicate", "dead", "left_out", "pending"):
        metrics.ACCOUNTING_EVENTS.labels(state).set(getattr(equation, state))
    metrics.ACCOUNTING_DRIFT.set(equation.drift)
    metrics.ACCOUNTING_ALARMS.set(accounts.alarms)
    metrics.ACCOUNTING_FORMER_EPOCHS.set(equation.former_epochs)


def set_canary(seen: CanaryAge | None) -> None:
    """Age and round trip of the canary; unchanged without one."""
    if seen is not None:
        metrics.CANARY_AGE_SECONDS.set(seen.age_seconds)
        if seen.round_trip_seconds is not None:
            metrics.CANARY_ROUND_TRIP_SECONDS.set(seen.round_trip_seconds)


def set_memory(memory: Memory) -> None:
    """Memory of Redis."""
    metrics.REDIS_USED_BYTES.set(memory.used)
    metrics.REDIS_MAX_BYTES.set(memory.limit)


def set_capacity(found: Capacity) -> None:
    """Size and connections of Postgres, and import jobs by status."""
    metrics.DATABASE_BYTES.set(found.bytes)
    metrics.DATABASE_CONNECTIONS.set(found.connections)
    metrics.DATABASE_MAX_CONNECTIONS.set(found.max_connections)
    for status, number in found.jobs.items():
        metrics.IMPORT_JOBS.labels(status).set(number)
