"""Dead letters, and the isolation of poison: if Postgres refuses a batch, all but the culprits are stored, in one transaction with their dead letters.

A data error fails at every retry, so its event becomes a dead letter at once. Every other error is operational: it is raised,
nothing is committed, and the journal keeps the batch.

A dead letter is one row, whose key is the entry in which it first came and its event's id. A replay is that entry delivered again. Either
it dies again, which is one more attempt in the same row, or its event is stored and the row is marked in the same transaction.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.persist.conflicts import conflicting
from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.ownership import ForeignEvents, facts_of_other_sessions, reason_of_refusal, without
from services.worker.persist.persist_batch import Persisted, persist
from services.worker.persist.records import KeptResults
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from services.worker.persist.tombstones import TombstonedEvents, keep_out
from shared.journal.dead_letter_envelope import ID_TAKEN, WHOLE_ENTRY, DeadLetter
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "dead_letters.sql")

log = structlog.get_logger()

# Classes of SQLSTATE that are about the value, not the server: data exception, integrity violation, program limit exceeded.
DATA_ERROR_CLASSES = ("22", "23", "54")

# Raised by our own code about a value. AssertionError is typing.assert_never's: this release makes no rows of an event of that kind.
VALUE_ERRORS = (ValueError, OverflowError, TypeError, AssertionError)

IS_ANY_UNSTORED = "SELECT EXISTS (SELECT FROM dead_letters WHERE stored_at IS NULL)"

# Differs from one dead letter to the next. Without it, reasons can be grouped by, and quote nothing.
_PARTICULARS = re.compile(r" \(byte \d+\)|(?<= )'.*'")


def is_data_error(error: Exception) -> bool:
    """Whether trying again is useless."""
    if isinstance(error, psycopg.Error):
        # psycopg refuses some values itself, without asking the server: a DataError that has no SQLSTATE.
        return isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith(DATA_ERROR_CLASSES)
    return isinstance(error, VALUE_ERRORS)


class Outcome(NamedTuple):
    """The result of a batch. `dead`: events that cannot be stored, and are dead letters now. `foreign`: its keys may not write them (ownership.py).
    `left_out`: they were erased or have expired (tombstones.py).

    Foreign events of the journal are among the dead. The caller reports the foreign records of a job.
    """

    persisted: Persisted
    dead: list[ReceivedEvent]
    foreign: list[ReceivedEvent]
    left_out: list[ReceivedEvent]

    @property
    def refused(self) -> list[ReceivedEvent]:
        """Events that are storable, and were not stored."""
        return self.foreign + self.left_out

    def __add__(self, other: "Outcome") -> "Outcome":  # type: ignore[override]
        persisted = self.persisted + other.persisted
        return Outcome(persisted, self.dead + other.dead, self.foreign + other.foreign, self.left_out + other.left_out)


NOTHING = Outcome(Persisted(), [], [], [])


def persist_isolating(
    connection: Connection[Any],
    batch: Sequence[ReceivedEvent],
    *,
    idle_gap: timedelta,
    job_number: int = 0,
    is_clients_word: bool = False,
    superseded_facts: Sequence[UUID] = (),
    kept_results: KeptResults = ALL,
) -> Outcome:
    """Stores a batch, as persist() does, without the events that cannot be stored and those that may not be.

    Earlier dead letters of the stored events are marked as stored.
    """
    how = _How(idle_gap, job_number, is_clients_word, kept_results)
    persisted, dead, foreign, left_out = _persist_or_halve(connection, batch, how, superseded_facts)
    if foreign and not job_number:
        for received in foreign:
            write_dead_letter(connection, dead_letter_of(received), reason_of_refusal(received))
        dead, foreign = dead + foreign, []
    if persisted.duplicates and not job_number:
        conflicts = conflicting(connection, without(batch, dead + left_out))
        for received in conflicts:
            write_dead_letter(connection, dead_letter_of(received), ID_TAKEN)
        persisted.duplicates -= len(conflicts)
        dead += conflicts
    mark_events_stored(connection, batch, dead + foreign)
    return Outcome(persisted, dead, foreign, left_out)


class _How(NamedTuple):
    """The arguments of persist() that are the same for each part of a batch."""

    idle_gap: timedelta
    job_number: int
    is_clients_word: bool
    kept_results: KeptResults


def _persist_or_halve(connection: Connection[Any], batch: Sequence[ReceivedEvent], how: _How, superseded_facts: Sequence[UUID]) -> Outcome:
    """Leaves out what is foreign or was erased, and finds the culprits of a refused batch by halving it."""
    foreign: list[ReceivedEvent] = []
    left_out: list[ReceivedEvent] = []
    while len(foreign) + len(left_out) < len(batch):
        rest = without(batch, foreign + left_out)
        try:
            with connection.transaction():
                persisted = persist(connection, rest, superseded_facts=superseded_facts, **how._asdict())
            return Outcome(persisted, [], foreign, left_out)
        except TombstonedEvents as error:
            left_out += error.events
            keep_out(connection, error)
            superseded_facts = facts_of_other_sessions(connection, superseded_facts, error.events)
        except ForeignEvents as error:
            # The savepoint has taken back the locks of sessions, so the rest is asked about again.
            foreign += error.events
            superseded_facts = facts_of_other_sessions(connection, superseded_facts, error.events)
        except (psycopg.Error, *VALUE_ERRORS) as error:
            if not is_data_error(error):
                raise
            if len(rest) == 1:
                write_dead_letter(connection, dead_letter_of(rest[0]), reason_of(error), getattr(error, "sqlstate", None))
                return Outcome(Persisted(), [rest[0]], foreign, left_out)
            halves = _persist_halves(connection, rest, how, superseded_facts)
            return halves + Outcome(Persisted(), [], foreign, left_out)
    return Outcome(Persisted(), [], foreign, left_out)


def _persist_halves(connection: Connection[Any], batch: Sequence[ReceivedEvent], how: _How, superseded_facts: Sequence[UUID]) -> Outcome:
    if how.job_number:
        lock_order.lock_import_order(connection)
    lock_order.lock_writing_exclusive(connection)
    middle = len(batch) // 2
    first = _persist_or_halve(connection, batch[:middle], how, superseded_facts)
    # The staging tables empty themselves at a commit, but this is still the same transaction.
    clear(connection)
    return first + _persist_or_halve(connection, batch[middle:], how, superseded_facts)


def mark_events_stored(connection: Connection[Any], batch: Sequence[ReceivedEvent], dead: Sequence[ReceivedEvent]) -> None:
    """Marks the dead letters of events that are stored now. Asks first whether there is any, since there hardly ever is."""
    [(is_any_unstored,)] = connection.execute(IS_ANY_UNSTORED).fetchall()
    if is_any_unstored:
        dead_objects = set(map(id, dead))
        dead_keys = {(received.journal_entry_id, received.event.id) for received in dead}
        stored = [received for received in batch if id(received) not in dead_objects]
        # One entry may have brought both events of an id. Then the dead letter is the other one's.
        own = [each for each in stored if (each.journal_entry_id, each.event.id) not in dead_keys]
        parameters = {
            "event_ids": [received.event.id for received in stored],
            "own_event_ids": [received.event.id for received in own],
            "own_entry_ids": [received.journal_entry_id for received in own],
        }
        connection.execute(_SQL.mark_events_stored, parameters | {"id_taken": ID_TAKEN})


def mark_ids_stored(connection: Connection[Any], stored: Sequence[tuple[UUID, str]]) -> None:
    """The same for what is no event and has no conflicts. `stored`: (id, entry)."""
    [(is_any_unstored,)] = connection.execute(IS_ANY_UNSTORED).fetchall()
    if stored and is_any_unstored:
        ids, entries = map(list, zip(*stored, strict=True))
        connection.execute(
            _SQL.mark_events_stored, {"event_ids": ids, "own_event_ids": ids, "own_entry_ids": entries, "id_taken": ID_TAKEN}
        )


def mark_entries_stored(connection: Connection[Any], journal_entry_ids: Sequence[str]) -> None:
    """Marks the dead letters of whole entries that could be read this time. Their events are stored, or are dead letters of their own."""
    if journal_entry_ids:
        connection.execute(_SQL.mark_entries_stored, {"kind": WHOLE_ENTRY, "journal_entry_ids": list(journal_entry_ids)})


def dead_letter_of(received: ReceivedEvent) -> DeadLetter:
    """An event as a dead letter."""
    return DeadLetter(
        journal_entry_id=received.journal_entry_id,
        event_id=received.event.id,
        kind=str(type(received.event).__struct_config__.tag or type(received.event).__name__),
        request_id=received.request_id,
        received_at=received.received_at,
        payload=msgspec.json.encode(received.event),
        bound=received.bound,
    )


def write_dead_letter(connection: Connection[Any], dead_letter: DeadLetter, reason: str, sqlstate: str | None = None) -> None:
    """Writes a dead letter, or one attempt more into its row. Operators read, group and choose by `reason`."""
    reason = _PARTICULARS.sub("", reason)[:500]
    event_id = str(dead_letter.event_id) if dead_letter.event_id else None
    log.error(
        "dead_letter_written",
        kind=dead_letter.kind,
        event_id=event_id,
        journal_entry_id=dead_letter.journal_entry_id,
        reason=reason,
        sqlstate=sqlstate,
    )
    bound = None if dead_letter.bound is None else Jsonb(msgspec.to_builtins(dead_letter.bound))
    parameters = {**msgspec.structs.asdict(dead_letter), "bound": bound, "reason": reason, "sqlstate": sqlstate}
    connection.execute(_SQL.write_dead_letter, parameters)


def reason_of(error: Exception) -> str:
    """The kind of error and its first line, without the detail, which quotes the value."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return f"{type(error).__name__}: {error.diag.message_primary}"
    if isinstance(error, psycopg.DataError) and "NUL" in str(error):
        # Raised by psycopg before the server sees the value.
        return "DataError: a text with a NUL character, which PostgreSQL cannot hold"
    if isinstance(error, AssertionError):
        return "AssertionError: this release of the worker makes no rows of it; replay it with a newer one"
    return type(error).__name__
