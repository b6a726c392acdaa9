"""Steps 5 and 6 of an event's path: what is in the journal is persisted, batch by batch, and then acknowledged.

The order is what makes it safe: commit, then acknowledge. A worker that dies between the two leaves entries that are acknowledged by
whoever takes over (drainers.py), neither stored nor counted again.
"""

import time
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.worker import lock_order
from services.worker.drain import canary, consumer_fencing
from services.worker.drain.batches import batches, prolong
from services.worker.drain.entry_decoder import Opened, open_entry
from services.worker.drain.replayed_records import persist_imported
from services.worker.drain.stream_reader import Entry, done, give_back
from services.worker.persist.dead_letters import bury, persist_isolating, settle_opened
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.staging import Received
from services.worker.resources import Resources
from shared.redaction.redact import redact_bytes, redact_text
from shared.redis.clients import REDIS_ERRORS
from shared.redis.replica_acks import NotReplicatedError

log = structlog.get_logger()

LEDGER = """
    INSERT INTO ledger AS l (slot, persisted, duplicates, dead, last_received_at)
    VALUES (%(slot)s, %(persisted)s, %(duplicates)s, %(dead)s, %(last_received_at)s)
    ON CONFLICT (slot) DO UPDATE SET persisted = l.persisted + excluded.persisted, duplicates = l.duplicates + excluded.duplicates,
        dead = l.dead + excluded.dead, last_received_at = greatest(l.last_received_at, excluded.last_received_at)"""

LEDGER_AND_ACCOUNT = f"""
    WITH all_time AS ({LEDGER})
    INSERT INTO accounts AS a (epoch, slot, persisted, duplicates, dead)
    VALUES (%(epoch)s, %(slot)s, %(persisted)s + %(canaries)s, %(duplicates)s + %(canary_duplicates)s, %(dead)s)
    ON CONFLICT (epoch, slot) DO UPDATE SET persisted = a.persisted + excluded.persisted, duplicates = a.duplicates + excluded.duplicates,
        dead = a.dead + excluded.dead"""


def drain(worker: Resources) -> bool:
    """Empties the journal, for at most `drain_seconds`. True if it stopped with entries left.

    Raises psycopg, SQLAlchemy and Redis errors when those are away: the entries stay in the journal and the sweep comes back.
    """
    # Nothing is taken while Postgres is away: it would have to wait for its time-out when Postgres is back.
    with worker.transaction() as connection:
        consumer = worker.drainer.register(connection)
    deadline = time.monotonic() + worker.settings.drain_seconds
    try:
        for batch in batches(worker, consumer, deadline):
            _persist_entries(worker, consumer, batch)
    except consumer_fencing.FencedError:
        # Another took this worker to be dead. There is no harm in that but a new name.
        worker.drainer.drop_name()
        log.warning("drainer_fenced", consumer=consumer)
        return True
    except BaseException:
        # What was in hand may be committed or not; whoever takes it over finds out.
        worker.drainer.drop_name()
        raise
    return time.monotonic() > deadline


def _persist_entries(worker: Resources, consumer: str, entries: list[Entry]) -> None:
    """Entries of one account."""
    started = time.perf_counter()
    try:
        # One read may make many batches: the turn must not end before the last. And with replicas nothing is stored that a change of the
        # master could make Redis forget: the account would have it as one too many.
        prolong(worker, entries[0].stream)
        with worker.transaction() as connection:
            persisted, dead, request_ids = settle(worker, connection, consumer, entries)
    except (psycopg.Error, SQLAlchemyError, consumer_fencing.FencedError, NotReplicatedError) as error:
        log.warning("persist_failed", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None), entries=len(entries))
        _give_back(worker, consumer, entries)
        raise
    # Unless this is as certain, the next batch is another drainer's, and this one's row still knows what it has stored.
    done(worker.redis, entries, worker.settings.redis_replicas_acked)
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


def settle(worker: Resources, connection: Connection[Any], consumer: str, entries: list[Entry]) -> tuple[Persisted, int, list[str]]:
    """Stores, buries and accounts for entries of one account, all in the caller's transaction. Gives what was new, how many events are
    dead, and the requests that they came with. FencedError if another has taken over."""
    consumer_fencing.hold(connection, consumer, entries)
    batch: list[Received] = []
    imported: list[Received] = []
    opened = [open_entry(entry) for entry in entries]
    dead = 0
    for entry, each in zip(entries, opened, strict=True):
        if each.reason is not None:
            dead += _bury(worker, connection, entry, each)
        (imported if each.is_of_import else batch).extend(each.received)
    flown = [canary.store(connection, *each.canary) for each in opened if each.canary]
    persisted = Persisted()
    if imported:
        lock_order.lock_import_order(connection)
        lock_order.lock_writing_exclusive(connection)
    if batch:
        persisted, buried = persist_isolating(connection, batch, idle_gap=worker.idle_gap)
        dead += len(buried)
    if imported:
        of_imports, dead_of_imports = persist_imported(connection, imported, idle_gap=worker.idle_gap)
        persisted += of_imports
        dead += dead_of_imports
    settle_opened(connection, [each.letter.journal_entry_id for each in opened if each.is_replay and each.reason is None])
    _account(worker, connection, entries[0].epoch, persisted, dead, flown, max((received.received_at for received in batch), default=None))
    return persisted, dead, [each.received[0].request_id for each in opened if each.received]


def _bury(worker: Resources, connection: Connection[Any], entry: Entry, opened: Opened) -> int:
    """How many events that were: what the entry was accepted for, without those that could be read; without an account it counts as one.

    What ingest wrote is redacted; but what cannot be read may be another's.
    """
    assert opened.reason is not None
    letter = opened.letter
    if worker.settings.redact:
        letter = msgspec.structs.replace(letter, payload=redact_bytes(letter.payload, {}))
    bury(connection, letter, redact_text(opened.reason))
    return 1 if entry.events is None else entry.events - len(opened.received) - (opened.canary is not None)


def _account(
    worker: Resources, connection: Connection[Any], epoch: str, persisted: Persisted, dead: int, flown: list[bool], last_received_at: object
) -> None:
    """`flown`: of each canary whether it is new. They are accepted events, but none of a user's: not in the ledger."""
    new = persisted.messages + persisted.tool_calls + persisted.activities + persisted.session_events
    canaries = {"canaries": flown.count(True), "canary_duplicates": flown.count(False)}
    counts = {"persisted": new, "duplicates": persisted.duplicates, "dead": dead, "slot": worker.ledger_slot}
    statement = LEDGER_AND_ACCOUNT if epoch else LEDGER
    connection.execute(statement.encode(), counts | canaries | {"epoch": epoch, "last_received_at": last_received_at})


def _give_back(worker: Resources, consumer: str, entries: list[Entry]) -> None:
    try:
        give_back(worker.redis, entries, consumer)
    except REDIS_ERRORS as error:
        # Then they count as delivered once more; three such double failures in a row only make them be tried alone.
        log.warning("give_back_failed", error=type(error).__name__)
