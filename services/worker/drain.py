"""Steps 5 and 6 of an event's path: what is in the journal is persisted, batch by batch, and then acknowledged.

The order is what makes it safe: commit, then acknowledge. A worker that dies between the two leaves entries that are delivered again
and add nothing.
"""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import structlog
from psycopg import Connection
from redis.exceptions import RedisError, ResponseError
from sqlalchemy.exc import SQLAlchemyError

from services.worker.dead_letters import bury_entry, persist_isolating
from services.worker.persist import Persisted
from services.worker.resources import Resources
from services.worker.staging import Received
from services.worker.take import Entry, done, give_back, make_groups, take_abandoned, take_new
from shared.journal import BELL_KEY
from shared.messages import decode_envelope

log = structlog.get_logger()

# A worker died this often with the entry in hand: it is tried alone; if that kills one more, it is buried.
DELIVERIES_BEFORE_ALONE = 3

LEDGER = """
    INSERT INTO ledger AS l (slot, persisted, duplicates, dead, last_received_at)
    VALUES (%(slot)s, %(persisted)s, %(duplicates)s, %(dead)s, %(last_received_at)s)
    ON CONFLICT (slot) DO UPDATE SET persisted = l.persisted + excluded.persisted, duplicates = l.duplicates + excluded.duplicates,
        dead = l.dead + excluded.dead, last_received_at = greatest(l.last_received_at, excluded.last_received_at)"""


def drain(worker: Resources) -> bool:
    """Empties the journal, for at most `drain_seconds`. True if it stopped with entries left.

    Raises psycopg, SQLAlchemy and Redis errors when those are away: the entries stay in the journal and the sweep comes back.
    """
    # Before the first read: an event that arrives from now on rings again, so that none waits for the sweep.
    worker.redis.delete(BELL_KEY)
    deadline = time.monotonic() + worker.settings.drain_seconds
    for batch in _batches(worker):
        _persist_entries(worker, batch)
        if time.monotonic() > deadline:
            return True
    return False


def _batches(worker: Resources) -> Iterator[list[Entry]]:
    partitions, limit = worker.settings.journal_partitions, worker.settings.drain_batch_events
    try:
        yield from _abandoned(worker)
    except ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        make_groups(worker.redis, partitions)
    batch: list[Entry] = []
    events = 0
    while True:
        entries = take_new(worker.redis, partitions, worker.consumer)
        for entry in entries:
            batch.append(entry)
            # Counts events without decoding twice; a wrong guess makes a batch longer or shorter, nothing else.
            events += entry.payload.count(b'"type":')
            if events >= limit:
                yield batch
                batch, events = [], 0
        if batch and not entries:
            yield batch
            batch, events = [], 0
        elif not entries:
            return


def _abandoned(worker: Resources) -> Iterator[list[Entry]]:
    taken = take_abandoned(worker.redis, worker.settings.journal_partitions, worker.consumer, worker.settings.claim_idle_ms)
    batch: list[Entry] = []
    for entry in taken:
        if entry.deliveries >= DELIVERIES_BEFORE_ALONE:
            yield [entry]
        else:
            batch.append(entry)
    if batch:
        yield batch


def _persist_entries(worker: Resources, entries: list[Entry]) -> None:
    started = time.perf_counter()
    try:
        with worker.transaction() as connection:
            persisted, dead, request_ids = _persist(worker, connection, entries)
    except (psycopg.Error, SQLAlchemyError) as error:
        log.warning("persist_failed", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None), entries=len(entries))
        _give_back(worker, entries)
        raise
    done(worker.redis, entries)
    log.info(
        "drained",
        entries=len(entries),
        messages=persisted.messages,
        tool_calls=persisted.tool_calls,
        activities=persisted.activities,
        session_events=persisted.session_events,
        duplicates=persisted.duplicates,
        dead=dead,
        duration_ms=round((time.perf_counter() - started) * 1000, 1),
        request_ids=request_ids[:20],
    )


def _persist(worker: Resources, connection: Connection[Any], entries: list[Entry]) -> tuple[Persisted, int, list[str]]:
    batch, dead, request_ids = [], 0, []
    for entry in entries:
        if entry.deliveries > DELIVERIES_BEFORE_ALONE:
            bury_entry(connection, entry.entry_id, entry.payload, f"a worker died with it {entry.deliveries - 1} times")
            dead += 1
            continue
        try:
            envelope = decode_envelope(entry.payload)
        except (ValueError, RecursionError) as error:
            bury_entry(connection, entry.entry_id, entry.payload, f"not readable: {error}"[:500])
            dead += 1
            continue
        request_ids.append(envelope.request_id)
        batch += [Received(event, envelope.received_at, envelope.request_id, entry.entry_id) for event in envelope.events]
    persisted = Persisted()
    if batch:
        persisted, buried = persist_isolating(connection, batch, idle_gap=worker.idle_gap)
        dead += len(buried)
    _account(worker, connection, persisted, dead, max((received.received_at for received in batch), default=None))
    return persisted, dead, request_ids


def _account(worker: Resources, connection: Connection[Any], persisted: Persisted, dead: int, last_received_at: object) -> None:
    new = persisted.messages + persisted.tool_calls + persisted.activities + persisted.session_events
    counts = {"persisted": new, "duplicates": persisted.duplicates, "dead": dead}
    connection.execute(LEDGER, counts | {"slot": worker.ledger_slot, "last_received_at": last_received_at})


def _give_back(worker: Resources, entries: list[Entry]) -> None:
    try:
        give_back(worker.redis, entries, worker.consumer)
    except RedisError as error:
        # Then they count as delivered once more; three such double failures in a row only make them be tried alone.
        log.warning("give_back_failed", error=type(error).__name__)
