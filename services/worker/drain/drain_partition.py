"""The drain, from the wake-up to the acknowledgement of each batch. It reads from top to bottom; each step is a function called from here.

1. lease a partition (partition_lease.py); skip it if another worker has the lease
2. take over what dead workers left (stream_reader.py); their consumer names are fenced first (consumer_fencing.py)
3. read new entries, within a time limit (limited_reads.py)
4. store each batch in one transaction: record its entries, decode them (entry_decoder.py), persist, write dead letters, count the outcomes
5. acknowledge the batch, and tell the live feed of it (persist/live/feed_items.py)

A commit comes before its acknowledgement. If a worker dies in between, the next worker acknowledges the entries: they are neither stored
nor counted again.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from random import sample
from typing import Any

import msgspec
import psycopg
import structlog
from psycopg import Connection
from redis.exceptions import ResponseError
from sqlalchemy.exc import SQLAlchemyError

from services.worker import lock_order
from services.worker.drain import canary, consumer_fencing, partition_lease
from services.worker.drain.entry_decoder import DecodedEntry, decode_entry, persist_replayed_records
from services.worker.drain.limited_reads import limited_read
from services.worker.drain.store_captured import Captured, store_captured
from services.worker.drain.stream_reader import (
    DELIVERIES_BEFORE_ALONE,
    Entry,
    acknowledge,
    affordable,
    claim,
    find_abandoned,
    make_group,
    read_new,
    release,
)
from services.worker.persist.dead_letters import mark_entries_stored, persist_isolating, write_dead_letter
from services.worker.persist.live.close_idle import follow_processes
from services.worker.persist.live.feed_items import append_to_feed, feed_items, session_states, tell_in_order
from services.worker.persist.persist_batch import Persisted
from services.worker.resources import Resources
from shared.events.messages import TranscriptRange
from shared.feed import FeedItem
from shared.journal.partitions import streams_in_use
from shared.journal.streams import transcript_key
from shared.redaction.redact import redact_bytes, redact_text
from shared.redis.clients import REDIS_ERRORS
from shared.redis.replica_acks import NotReplicatedError
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "drain_partition.sql")

log = structlog.get_logger()

TAKE_OVER_SECONDS = 1.0  # How often a drain looks for what dead workers left.
# A batch of large entries is smaller: all of it is in memory several times.
BATCH_BYTES = 8 * 1024**2


def drain(worker: Resources, on_captured: Callable[[], object] = lambda: None) -> bool:
    """Stores what is in the journal, for at most `drain_seconds`. True if it stopped with entries left.

    `on_captured` is called when a batch with hooks or ranges of transcripts is committed, which are to be read.

    Raises psycopg, SQLAlchemy and Redis errors while a server is unavailable. The entries stay in the journal, and the sweep tries again.
    """
    # Postgres first: nothing may be taken from the journal while Postgres is unavailable.
    with worker.transaction() as connection:
        consumer = consumer_fencing.register(connection, worker.consumer)
    deadline = time.monotonic() + worker.settings.drain_seconds
    try:
        for batch in batches(worker, consumer, deadline):
            store_and_acknowledge(worker, consumer, batch, on_captured)
    except consumer_fencing.FencedError:
        # Another worker took this one for dead. Nothing is lost; the next drain registers a new name.
        worker.consumer.name = None
        log.warning("consumer_fenced", consumer=consumer)
        return True
    except BaseException:
        # The batch may be committed or not. The worker that takes it over finds out, once this name is fenced.
        worker.consumer.name = None
        raise
    return time.monotonic() > deadline


def batches(worker: Resources, consumer: str, deadline: float, take_over_seconds: float = TAKE_OVER_SECONDS) -> Iterator[list[Entry]]:
    """Batches of all partitions, round after round, until every partition is empty or leased by another worker.

    After the deadline nothing more is read, but every entry that was read is still given.
    """
    streams = streams_in_use(worker.redis, worker.settings.journal_partitions)
    # Each worker starts with another partition.
    streams = sample(streams, len(streams))
    next_take_over: dict[str, float] = {}
    is_more_expected = True
    while is_more_expected:
        is_more_expected = False
        for stream in partition_lease.worth_a_read(worker.redis, streams):
            if time.monotonic() >= deadline:
                return
            if not lease(worker, stream):
                continue
            if time.monotonic() >= next_take_over.get(stream, 0.0):
                # Only while this worker holds no entries: held entries could be idle for so long that another worker claims them.
                yield from abandoned_batches(worker, consumer, stream)
                next_take_over[stream] = time.monotonic() + take_over_seconds
            for batch in new_batches(worker, consumer, stream):
                is_more_expected = True
                yield batch
            is_more_expected |= partition_lease.release(worker.redis, stream, worker.consumer.process)


def lease(worker: Resources, stream: str) -> bool:
    """Takes or renews the lease of a partition; False if another worker has it. NotReplicatedError if its entries are not on enough replicas."""
    settings = worker.settings
    return partition_lease.acquire(worker.redis, stream, worker.consumer.process, settings.claim_idle_ms, settings.redis_replicas_acked)


def abandoned_batches(worker: Resources, consumer: str, stream: str) -> Iterator[list[Entry]]:
    """Batches of what other consumers have held for too long, from one read of a partition. Suspects come one by one.

    A suspect has been in the hands of several workers that died. It is claimed only when it is its turn: if this worker dies before, it
    does not count as one more death with that entry.
    """
    settings, builder = worker.settings, _BatchBuilder(worker.settings.drain_batch_events)
    try:
        most = min(worker.consumer.entries_per_read, affordable(worker.redis, stream))
        pending = find_abandoned(worker.redis, stream, settings.claim_idle_ms, most)
        if holders := {each.holder for each in pending} - {consumer}:
            with worker.connection() as connection:
                fenced = consumer_fencing.fence(connection, worker.redis, holders, settings.redis_replicas_acked)
            pending = [each for each in pending if each.holder in fenced]
            suspects = [each for each in pending if each.deliveries >= DELIVERIES_BEFORE_ALONE]
            others = [each for each in pending if each.deliveries < DELIVERIES_BEFORE_ALONE]
            for together in filter(None, [others, *([suspect] for suspect in suspects)]):
                with limited_read(worker.redis, stream, worker.consumer, settings.claim_idle_ms) as (client, _):
                    entries = claim(client, stream, consumer, settings.claim_idle_ms, together)
                for entry in entries:
                    yield from builder.add(entry)
                yield from builder.rest()
    except ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        make_group(worker.redis, stream)


def new_batches(worker: Resources, consumer: str, stream: str) -> Iterator[list[Entry]]:
    """Batches of entries that no consumer has had, until one batch is full or no entry is left."""
    settings, builder = worker.settings, _BatchBuilder(worker.settings.drain_batch_events)
    is_wakeup_cleared = is_full = False
    most = affordable(worker.redis, stream)
    # The lease lasts for one read. If another worker has it by now, that worker reads on.
    while not is_full and lease(worker, stream):
        try:
            with limited_read(worker.redis, stream, worker.consumer, settings.claim_idle_ms) as (client, count):
                entries = read_new(client, stream, consumer, min(count, most))
        except REDIS_ERRORS:
            # Entries that were read are stored before the drain ends.
            yield from builder.rest()
            raise
        for entry in entries:
            for batch in builder.add(entry):
                is_full = True
                yield batch
        if not entries:
            if is_wakeup_cleared:
                break
            # Read once more after it: an event that is appended from now on sends a wake-up again.
            partition_lease.clear_wakeup(worker.redis, stream)
            is_wakeup_cleared = True
    yield from builder.rest()


class _BatchBuilder:
    """Gathers entries into batches. All entries of a batch belong to one account."""

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._waiting: dict[tuple[str, str], tuple[list[Entry], int, int]] = {}

    def add(self, entry: Entry) -> Iterator[list[Entry]]:
        """Gives the batch that is full with this entry, if there is one."""
        entries, events, size = self._waiting.get(entry.account, ([], 0, 0))
        entries.append(entry)
        events += entry.approximate_events
        size += len(entry.payload)
        self._waiting[entry.account] = entries, events, size
        if events >= self._max_events or size >= BATCH_BYTES:
            yield self._waiting.pop(entry.account)[0]

    def rest(self) -> Iterator[list[Entry]]:
        """Gives the batches that are not full."""
        waiting, self._waiting = self._waiting, {}
        for entries, _, _ in waiting.values():
            yield entries


def store_and_acknowledge(worker: Resources, consumer: str, entries: list[Entry], on_captured: Callable[[], object]) -> None:
    """Stores one batch, whose entries belong to one account, and acknowledges it."""
    started = time.perf_counter()
    try:
        # One read can give many batches, so the lease is renewed for each. With replicas this also waits until they have the entries:
        # if a new master lacked entries that Postgres has, the account would count too many.
        lease(worker, entries[0].stream)
        with worker.transaction() as connection:
            stored = store_batch(worker, connection, consumer, entries)
    except (psycopg.Error, SQLAlchemyError, consumer_fencing.FencedError, NotReplicatedError) as error:
        log.warning("persist_failed", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None), entries=len(entries))
        _release(worker, consumer, entries)
        raise
    # If this fails, the drain ends and drops its consumer name; the name's row still says which entries are stored.
    acknowledge(worker.redis, entries, worker.settings.redis_replicas_acked)
    if stored.captured.astray:
        _forget_offsets(worker, stored.captured.astray)
    if stored.captured.persisted:
        on_captured()
    tell_in_order(worker.connection(), stored.captured.for_feed, lambda: append_to_feed(worker.redis, stored.for_feed))
    persisted = stored.persisted
    log.info(
        "drained",
        entries=len(entries),
        messages=persisted.messages,
        tool_calls=persisted.tool_calls,
        activities=persisted.activities,
        session_events=persisted.session_events,
        captured=stored.captured.persisted,
        duplicates=persisted.duplicates + stored.captured.duplicates,
        dead=stored.dead,
        left_out=stored.left_out,
        duration_ms=round((time.perf_counter() - started) * 1000, 1),
        request_ids=stored.request_ids[:20],
    )


class StoredBatch(msgspec.Struct, frozen=True):
    """The result of a batch. `persisted`: its new rows; `dead`: its events and captured items that became dead letters.

    `left_out`: events and captured items that were erased or have expired.
    """

    persisted: Persisted
    captured: Captured
    dead: int
    left_out: int
    # The requests that brought the entries.
    request_ids: list[str]
    for_feed: list[FeedItem]


def store_batch(worker: Resources, connection: Connection[Any], consumer: str, entries: list[Entry]) -> StoredBatch:
    """Stores and counts a batch in the caller's transaction. FencedError if another worker has taken over."""
    consumer_fencing.record_entries(connection, consumer, entries)
    decoded = [decode_entry(entry) for entry in entries]
    events = [event for each in decoded if not each.is_of_import for event in each.events]
    records = [record for each in decoded if each.is_of_import for record in each.events]
    items = [item for each in decoded for item in each.captured]
    dead = sum(_write_unreadable(worker, connection, entry, each) for entry, each in zip(entries, decoded, strict=True))
    canaries = [canary.store(connection, *each.canary) for each in decoded if each.canary]
    persisted, left_out = Persisted(), 0
    for_feed: list[FeedItem] = []
    if records:
        lock_order.lock_import_order(connection)
        lock_order.lock_writing_exclusive(connection)
    if events:
        session_ids = list({session_id for event in events if (session_id := getattr(event.event, "session_id", None)) is not None})
        sessions_before = session_states(connection, session_ids)
        outcome = persist_isolating(connection, events, idle_gap=worker.idle_gap, kept_results=worker.kept_results)
        persisted = outcome.persisted
        dead += len(outcome.dead)
        left_out += len(outcome.left_out)
        not_stored = outcome.dead + outcome.left_out
        follow_processes(connection, session_ids)
        for_feed = feed_items(connection, events, not_stored, persisted.duplicates, session_ids, sessions_before)
    if records:
        persisted_records, dead_records, left_out_records = persist_replayed_records(connection, records, idle_gap=worker.idle_gap)
        persisted += persisted_records
        dead += dead_records
        left_out += left_out_records
    captured = store_captured(connection, items) if items else Captured()
    for_feed += captured.for_feed
    dead += captured.dead
    left_out += captured.left_out
    mark_entries_stored(connection, [each.dead_letter.journal_entry_id for each in decoded if each.is_replay and each.reason is None])
    received_at = max([event.received_at for event in events] + [item.received_at for item in items], default=None)
    _count(worker, connection, entries[0].epoch, persisted, captured, dead, left_out, canaries, received_at)
    request_ids = [each.events[0].request_id for each in decoded if each.events] + [item.request_id for item in items]
    return StoredBatch(persisted, captured, dead, left_out, request_ids, for_feed)


def _write_unreadable(worker: Resources, connection: Connection[Any], entry: Entry, decoded: DecodedEntry) -> int:
    """Writes the unreadable rest of an entry as a dead letter, and gives the number of events in it.

    That is how many the entry was accepted for, without those that were read. Without an account it counts as one.
    """
    if decoded.reason is None:
        return 0
    dead_letter = decoded.dead_letter
    # Ingest redacts what it appends; but something else may have written what cannot be read.
    if worker.settings.redact:
        dead_letter = msgspec.structs.replace(dead_letter, payload=redact_bytes(dead_letter.payload, {}))
    write_dead_letter(connection, dead_letter, redact_text(decoded.reason))
    return 1 if entry.events is None else entry.events - len(decoded.events) - len(decoded.captured) - (decoded.canary is not None)


def _count(
    worker: Resources,
    connection: Connection[Any],
    epoch: str,
    persisted: Persisted,
    captured: Captured,
    dead: int,
    left_out: int,
    canaries: list[bool],
    received_at: datetime | None,
) -> None:
    """Adds to the ledger and the account. `canaries`: whether each one is new. They are in the account but, as no user's events, not in the ledger."""
    counts = {
        "slot": worker.ledger_slot,
        "epoch": epoch,
        "persisted": persisted.events + captured.persisted,
        "duplicates": persisted.duplicates + captured.duplicates,
        "dead": dead,
        "left_out": left_out,
        "canaries": canaries.count(True),
        "canary_duplicates": canaries.count(False),
        "last_received_at": received_at,
    }
    connection.execute(_SQL.count_in_ledger_and_account if epoch else _SQL.count_in_ledger, counts)


def _forget_offsets(worker: Resources, astray: list[TranscriptRange]) -> None:
    """Makes ingest ask Postgres how far these files are, since what it goes by is wrong: Postgres or Redis may be a restored backup."""
    for stream in streams_in_use(worker.redis, worker.settings.journal_partitions):
        for item in astray:
            worker.redis.delete(transcript_key(stream, item.session_id, item.machine_id, item.file_name))


def _release(worker: Resources, consumer: str, entries: list[Entry]) -> None:
    try:
        release(worker.redis, entries, consumer)
    except REDIS_ERRORS as error:
        # The entries then count as delivered once more. After three such double failures they are tried alone, nothing worse.
        log.warning("release_failed", error=type(error).__name__)
