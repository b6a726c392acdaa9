"""From the journal to queryable rows: the worker's drain in one process, over a journal that is full already."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Event as Flag
from typing import TypeVar

import psycopg
from services.worker.search_index.index_pending import index_pending

from services.worker.drain.drain_partition import drain
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.events.messages import ENVELOPE_VERSION, Envelope, Event, encode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.bench.event_source import Events
from tests.bench.stack import Stack

T = TypeVar("T")

# XADDs on one way to Redis.
WRITTEN_TOGETHER = 500
# As beat looks for what waits.
SWEEP_SECONDS = 1.0
# Of each table that the search index is made of.
INDEXED_TABLES = ("messages", "tool_calls", "activities", "sessions", "files", "timeline_entries")


def events_a_second(stack: Stack, events: Events, *, entry_events: int, indexes: bool = False, triggers: bool = True) -> float:
    """The rate for all events into empty tables; `entry_events` is how many came in one request. Their sessions are there already.

    `indexes`: a second process makes the search index meanwhile. `triggers`: those that note what is to be indexed; without, to see what they cost.
    """
    stack.empty()
    with _noting(stack, triggers=triggers), _indexing(stack) if indexes else nullcontext():
        return _drained_a_second(stack, events, entry_events)


def documents_a_second(stack: Stack) -> float:
    """How fast the search index is made of what the last drain left, with nothing else to do."""
    worker = open_resources(_settings(stack))
    try:
        started = time.perf_counter()
        while index_pending(worker):
            continue
        elapsed = time.perf_counter() - started
    finally:
        worker.close()
    with psycopg.connect(stack.database_url) as connection:
        found = connection.execute("SELECT count(*), (SELECT count(*) FROM search_pending) FROM search_documents").fetchone()
    if found is None or found[1]:
        raise RuntimeError(f"not all is indexed: {found}")
    return int(found[0]) / elapsed


def _drained_a_second(stack: Stack, events: Events, entry_events: int) -> float:
    worker = open_resources(_settings(stack))
    try:
        journal(stack, events.starts, 100)
        _drain_all(worker)
        journal(stack, events.events, entry_events)
        started = time.perf_counter()
        _drain_all(worker)
        elapsed = time.perf_counter() - started
    finally:
        worker.close()
    _check(stack, len(events.events))
    return len(events.events) / elapsed


def _settings(stack: Stack) -> Settings:
    return Settings(database_url=stack.database_url, redis_url=stack.redis_url, drain_seconds=20)


@contextmanager
def _noting(stack: Stack, *, triggers: bool) -> Iterator[None]:
    _alter_triggers(stack, "ENABLE" if triggers else "DISABLE")
    try:
        yield
    finally:
        _alter_triggers(stack, "ENABLE")


def _alter_triggers(stack: Stack, verb: str) -> None:
    with psycopg.connect(stack.database_url) as connection:
        for table in INDEXED_TABLES:
            connection.execute(f"ALTER TABLE {table} {verb} TRIGGER USER".encode())


@contextmanager
def _indexing(stack: Stack) -> Iterator[None]:
    context = get_context("spawn")
    is_over = context.Event()
    process = context.Process(target=_index_until, args=(stack, is_over))
    process.start()
    try:
        yield
    finally:
        is_over.set()
        process.join()
    if process.exitcode:
        raise RuntimeError("the indexer has failed; its error is above")


def _index_until(stack: Stack, is_over: Flag) -> None:
    """As worker-drain does: task after task while anything is left, or the next one when beat looks again."""
    worker = open_resources(_settings(stack))
    try:
        while not is_over.is_set():
            if not index_pending(worker):
                is_over.wait(SWEEP_SECONDS)
    finally:
        worker.close()


def journal(stack: Stack, events: Sequence[Event], entry_events: int) -> None:
    """Writes them as ingest would have."""
    with stack.redis() as redis:
        for entries in _chunks(list(_chunks(events, entry_events)), WRITTEN_TOGETHER):
            with redis.pipeline(transaction=False) as pipeline:
                for entry in entries:
                    envelope = Envelope(version=ENVELOPE_VERSION, request_id="bench", received_at=datetime.now(UTC), events=list(entry))
                    pipeline.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
                pipeline.execute()


def _drain_all(worker: Resources) -> None:
    while drain(worker):
        continue


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _check(stack: Stack, expected: int) -> None:
    """Fast but wrong would not count. RuntimeError if rows are missing."""
    with psycopg.connect(stack.database_url) as connection:
        found = connection.execute("SELECT (SELECT count(*) FROM tool_calls) + (SELECT count(*) FROM messages)").fetchone()
    if found is None or found[0] != expected:
        raise RuntimeError(f"{found} rows instead of {expected}")
