"""Poison is isolated: of a batch that Postgres refuses, all but the culprits are stored, in the same transaction as their dead letters.

Data errors will fail again whatever is done, so their event becomes a dead letter at once. Every other error is operational: it is
raised, nothing is committed, and the journal keeps the batch.

A letter is one row, known by the entry in which it first came and its event's id. Replayed, it is that entry delivered again: it dies as
the same row, with one attempt more, or its event is stored and the row says so in the same transaction.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg import Connection

from services.worker import lock_order
from services.worker.persist.conflicts import conflicting
from services.worker.persist.persist_batch import Persisted, persist
from services.worker.persist.staging import Received, clear
from shared.journal.dead_letter_envelope import ID_TAKEN, WHOLE_ENTRY, DeadLetter

log = structlog.get_logger()

# Classes of SQLSTATE that speak of the value, not of the server: data exception, integrity violation, program limit exceeded.
DATA_ERROR_CLASSES = ("22", "23", "54")

# Raised by our own code about a value. AssertionError is typing.assert_never's: an event of a kind that this release makes no rows of.
OF_VALUES = (ValueError, OverflowError, TypeError, AssertionError)

# A letter that was stored stays stored: its event is there, whatever a repetition dies of.
BURY = """
    INSERT INTO dead_letters (event_id, kind, reason, sqlstate, payload, journal_entry_id, request_id, received_at)
    VALUES (%(event_id)s, %(kind)s, %(reason)s, %(sqlstate)s, %(payload)s, %(journal_entry_id)s, %(request_id)s, %(received_at)s)
    ON CONFLICT (journal_entry_id, event_id) DO UPDATE SET attempts = dead_letters.attempts + 1, last_seen_at = clock_timestamp(),
        reason = excluded.reason, sqlstate = excluded.sqlstate, payload = excluded.payload
    WHERE dead_letters.stored_at IS NULL"""

ANY_WAITING = "SELECT EXISTS (SELECT FROM dead_letters WHERE stored_at IS NULL)"
# Whoever brought the event this time: a replay, a client that sent it again, an import. But of an id that is another's only its own replay: who
# sends that id again sends the other event.
EVENTS_STORED = """
    UPDATE dead_letters SET stored_at = clock_timestamp(), payload = ''
    WHERE stored_at IS NULL AND event_id = ANY(%(event_ids)s) AND (reason <> %(id_taken)s
        OR (event_id, journal_entry_id) IN (SELECT * FROM unnest(%(own_event_ids)s::uuid[], %(own_entry_ids)s::text[])))"""
ENTRIES_OPENED = """
    UPDATE dead_letters SET stored_at = clock_timestamp(), payload = ''
    WHERE stored_at IS NULL AND kind = %(kind)s AND event_id IS NULL AND journal_entry_id = ANY(%(journal_entry_ids)s)"""

# Where and what it is differs from letter to letter; the reason is what they have in common, and quotes nothing.
_PARTICULARS = re.compile(r" \(byte \d+\)|(?<= )'.*'")


def is_data_error(error: Exception) -> bool:
    """Whether trying again is useless."""
    if isinstance(error, psycopg.Error):
        # psycopg refuses some values itself, without asking the server: a DataError that has no SQLSTATE.
        return isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(DATA_ERROR_CLASSES)
    return isinstance(error, OF_VALUES)


def persist_isolating(
    connection: Connection[Any], batch: Sequence[Received], *, idle_gap: timedelta, job_number: int = 0
) -> tuple[Persisted, list[Received]]:
    """Stores a batch but for the events that cannot be stored; gives those back, already buried. Letters of the others are marked as stored."""
    persisted, buried = _persist_isolating(connection, batch, idle_gap, job_number)
    if persisted.duplicates and not job_number:
        dead = set(map(id, buried))
        conflicts = conflicting(connection, [received for received in batch if id(received) not in dead])
        for received in conflicts:
            bury(connection, letter_of(received), ID_TAKEN)
        persisted.duplicates -= len(conflicts)
        buried += conflicts
    settle(connection, batch, buried)
    return persisted, buried


def _persist_isolating(
    connection: Connection[Any], batch: Sequence[Received], idle_gap: timedelta, job_number: int
) -> tuple[Persisted, list[Received]]:
    """Halves the batch to find them."""
    try:
        with connection.transaction():
            return persist(connection, batch, idle_gap=idle_gap, job_number=job_number), []
    except (psycopg.Error, *OF_VALUES) as error:
        if not is_data_error(error):
            raise
        if len(batch) == 1:
            bury_event(connection, batch[0], error)
            return Persisted(), [batch[0]]
    if job_number:
        lock_order.lock_import_order(connection)
    lock_order.lock_writing_exclusive(connection)
    middle = len(batch) // 2
    first, first_dead = _persist_isolating(connection, batch[:middle], idle_gap, job_number)
    # The staging tables empty themselves at a commit, but this is still the same transaction.
    clear(connection)
    second, second_dead = _persist_isolating(connection, batch[middle:], idle_gap, job_number)
    return first + second, first_dead + second_dead


def settle(connection: Connection[Any], batch: Sequence[Received], buried: Sequence[Received]) -> None:
    """Marks the letters of events that are stored now. Asks first whether any letter waits at all, since hardly ever one does."""
    [(is_any_waiting,)] = connection.execute(ANY_WAITING).fetchall()
    if is_any_waiting:
        dead = set(map(id, buried))
        letters = {(received.journal_entry_id, received.event.id) for received in buried}
        stored = [received for received in batch if id(received) not in dead]
        # One entry may have brought both events of an id: then its letter is the other one's.
        own = [each for each in stored if (each.journal_entry_id, each.event.id) not in letters]
        parameters = {
            "event_ids": [received.event.id for received in stored],
            "own_event_ids": [received.event.id for received in own],
            "own_entry_ids": [received.journal_entry_id for received in own],
        }
        connection.execute(EVENTS_STORED, parameters | {"id_taken": ID_TAKEN})


def settle_opened(connection: Connection[Any], journal_entry_ids: Sequence[str]) -> None:
    """Marks the letters of whole entries that could be read this time: their events are stored, or letters of their own."""
    if journal_entry_ids:
        connection.execute(ENTRIES_OPENED, {"kind": WHOLE_ENTRY, "journal_entry_ids": list(journal_entry_ids)})


def bury_event(connection: Connection[Any], received: Received, error: Exception) -> None:
    """Writes one event's dead letter."""
    bury(connection, letter_of(received), _reason(error), getattr(error, "sqlstate", None))


def letter_of(received: Received) -> DeadLetter:
    """What an event would be as a dead letter."""
    return DeadLetter(
        journal_entry_id=received.journal_entry_id,
        event_id=received.event.id,
        kind=str(type(received.event).__struct_config__.tag or type(received.event).__name__),
        request_id=received.request_id,
        received_at=received.received_at,
        payload=msgspec.json.encode(received.event),
    )


def bury(connection: Connection[Any], letter: DeadLetter, reason: str, sqlstate: str | None = None) -> None:
    """Writes a dead letter, or one attempt more into its row. `reason` is what operators see, group by and choose by."""
    reason = _PARTICULARS.sub("", reason)[:500]
    event_id = str(letter.event_id) if letter.event_id else None
    log.error("buried", kind=letter.kind, event_id=event_id, journal_entry_id=letter.journal_entry_id, reason=reason, sqlstate=sqlstate)
    connection.execute(BURY, {**msgspec.structs.asdict(letter), "reason": reason, "sqlstate": sqlstate})


def _reason(error: Exception) -> str:
    """The kind of error and its first line; not the detail, which quotes the value."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return f"{type(error).__name__}: {error.diag.message_primary}"
    if isinstance(error, psycopg.DataError) and "NUL" in str(error):
        # psycopg's own word, before the server sees it.
        return "DataError: a text with a NUL character, which PostgreSQL cannot hold"
    if isinstance(error, AssertionError):
        return "AssertionError: this release of the worker makes no rows of it; replay it with a newer one"
    return type(error).__name__
