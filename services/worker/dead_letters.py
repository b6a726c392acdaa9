"""Poison is isolated: of a batch that Postgres refuses, all but the culprits are stored, in the same transaction as their dead letters.

Data errors will fail again whatever is done, so their event becomes a dead letter at once. Every other error is operational: it is
raised, nothing is committed, and the journal keeps the batch.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg import Connection

from services.worker.persist import Persisted, persist
from services.worker.staging import Received, clear

log = structlog.get_logger()

# Classes of SQLSTATE that speak of the value, not of the server: data exception, integrity violation, program limit exceeded.
DATA_ERROR_CLASSES = ("22", "23", "54")

BURY = """
    INSERT INTO dead_letters (event_id, kind, reason, sqlstate, payload, journal_entry_id, request_id, received_at)
    VALUES (%(event_id)s, %(kind)s, %(reason)s, %(sqlstate)s, %(payload)s, %(journal_entry_id)s, %(request_id)s, %(received_at)s)
    ON CONFLICT (journal_entry_id, event_id) DO UPDATE SET attempts = dead_letters.attempts + 1, last_seen_at = clock_timestamp()"""


def is_data_error(error: Exception) -> bool:
    """Whether trying again is useless."""
    if isinstance(error, psycopg.Error):
        # psycopg refuses some values itself, without asking the server: a DataError that has no SQLSTATE.
        return isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(DATA_ERROR_CLASSES)
    return isinstance(error, (ValueError, OverflowError, TypeError))


def persist_isolating(
    connection: Connection[Any], batch: Sequence[Received], *, idle_gap: timedelta, job_number: int = 0
) -> tuple[Persisted, list[Received]]:
    """Stores a batch but for the events that cannot be stored; gives those back, already buried. Halves the batch to find them."""
    try:
        with connection.transaction():
            return persist(connection, batch, idle_gap=idle_gap, job_number=job_number), []
    except (psycopg.Error, ValueError, OverflowError, TypeError) as error:
        if not is_data_error(error):
            raise
        if len(batch) == 1:
            bury_event(connection, batch[0], error)
            return Persisted(), [batch[0]]
    middle = len(batch) // 2
    first, first_dead = persist_isolating(connection, batch[:middle], idle_gap=idle_gap, job_number=job_number)
    # The staging tables empty themselves at a commit, but this is still the same transaction.
    clear(connection)
    second, second_dead = persist_isolating(connection, batch[middle:], idle_gap=idle_gap, job_number=job_number)
    return first + second, first_dead + second_dead


def bury_event(connection: Connection[Any], received: Received, error: Exception) -> None:
    """Writes one event's dead letter."""
    reason, sqlstate = _reason(error), getattr(error, "sqlstate", None)
    kind = type(received.event).__struct_config__.tag or type(received.event).__name__
    log.error("event_buried", kind=kind, event_id=str(received.event.id), reason=reason, sqlstate=sqlstate, request_id=received.request_id)
    parameters = {
        "event_id": received.event.id,
        "kind": kind,
        "reason": reason,
        "sqlstate": sqlstate,
        "payload": msgspec.json.encode(received.event),
        "journal_entry_id": received.journal_entry_id,
        "request_id": received.request_id,
        "received_at": received.received_at,
    }
    connection.execute(BURY, parameters)


def bury_entry(connection: Connection[Any], journal_entry_id: str, payload: bytes, reason: str) -> None:
    """Writes the dead letter of a whole journal entry: one that cannot be read, or that killed its worker again and again."""
    log.error("entry_buried", journal_entry_id=journal_entry_id, reason=reason)
    parameters = {"event_id": None, "kind": "journal_entry", "reason": reason, "sqlstate": None, "payload": payload, "request_id": None}
    connection.execute(BURY, parameters | {"journal_entry_id": journal_entry_id, "received_at": None})


def _reason(error: Exception) -> str:
    """The kind of error and its first line; not the detail, which quotes the value."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return f"{type(error).__name__}: {error.diag.message_primary}"[:500]
    if isinstance(error, psycopg.DataError) and "NUL" in str(error):
        # psycopg's own word, before the server sees it.
        return "DataError: a text with a NUL character, which PostgreSQL cannot hold"
    return type(error).__name__
