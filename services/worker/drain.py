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

from services.worker.dead_letters import bury, persist_isolating, settle_opened
from services.worker.import_letters import persist_imported
from services.worker.opening import open_entry
from services.worker.persist import Persisted
from services.worker.resources import Resources
from services.worker.staging import Received
from services.worker.take import DELIVERIES_BEFORE_ALONE, Entry, done, give_back, make_groups, take_abandoned, take_new
from shared.journal import BELL_KEY

log = structlog.get_logger()

# How long what a dead worker left may lie, beyond the time after which it is taken to be dead.
LOOK_SECONDS = 1.0

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
    # Nothing is taken while Postgres is away: it would have to wait for its time-out when Postgres is back.
    with worker.engine.connect():
        pass
    deadline = time.monotonic() + worker.settings.drain_seconds
    for batch in batches(worker, deadline):
        _persist_entries(worker, batch)
    return time.monotonic() > deadline


def _abandoned(worker: Resources) -> Iterator[list[Entry]]:
    """What dead workers left, not more than a read of each partition; suspects one by one."""
    partitions, limit = worker.settings.journal_partitions, worker.settings.drain_batch_events
    try:
        batch: list[Entry] = []
        events = 0
        for entry in take_abandoned(worker.redis, partitions, worker.consumer, worker.settings.claim_idle_ms):
            is_suspect = entry.deliveries >= DELIVERIES_BEFORE_ALONE
            if batch and (is_suspect or events >= limit):
                yield batch
                batch, events = [], 0
            if is_suspect:
                yield [entry]
            else:
                batch.append(entry)
                events += _events_in(entry)
        if batch:
            yield batch
    except ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        make_groups(worker.redis, partitions)


def batches(worker: Resources, deadline: float, look_seconds: float = LOOK_SECONDS) -> Iterator[list[Entry]]:
    """What dead workers left, looked for at first and every `look_seconds`, and what nobody has had.

    After the deadline no more is taken, but all that was taken is given: it would have to wait to be taken over.
    """
    batch: list[Entry] = []
    events = 0
    look_at = 0.0
    while True:
        now = time.monotonic()
        is_time_left = now < deadline
        if is_time_left and now >= look_at:
            # With nothing in hand: what this worker holds itself could have been idle for long enough to be taken from it.
            if batch:
                yield batch
                batch, events = [], 0
            yield from _abandoned(worker)
            look_at = now + look_seconds
        entries = take_new(worker.redis, worker.settings.journal_partitions, worker.consumer) if is_time_left else []
        for entry in entries:
            batch.append(entry)
            events += _events_in(entry)
            if events >= worker.settings.drain_batch_events:
                yield batch
                batch, events = [], 0
        if batch and not entries:
            yield batch
            batch, events = [], 0
        elif not entries:
            return


def _events_in(entry: Entry) -> int:
    """Counted without decoding twice; a wrong guess makes a batch longer or shorter, nothing else."""
    return entry.payload.count(b'"type":')


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
    opened = [open_entry(entry) for entry in entries]
    batch: list[Received] = []
    imported: list[Received] = []
    dead = 0
    for each in opened:
        if each.reason is not None:
            bury(connection, each.letter, each.reason)
            dead += 1
        (imported if each.is_of_import else batch).extend(each.received)
    persisted = Persisted()
    if batch:
        persisted, buried = persist_isolating(connection, batch, idle_gap=worker.idle_gap)
        dead += len(buried)
    if imported:
        of_imports, buried = persist_imported(connection, imported, idle_gap=worker.idle_gap)
        persisted += of_imports
        dead += len(buried)
    settle_opened(connection, [each.letter.journal_entry_id for each in opened if each.is_replay and each.reason is None])
    _account(worker, connection, persisted, dead, max((received.received_at for received in batch), default=None))
    return persisted, dead, [each.received[0].request_id for each in opened if each.received]


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
