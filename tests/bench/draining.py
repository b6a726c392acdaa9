"""From the journal to queryable rows: the worker's drain in one process, over a journal that is full already."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg

from services.worker.drain.drain_partition import drain
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.events.messages import ENVELOPE_VERSION, Envelope, Event, encode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.bench.event_source import Events
from tests.bench.search_host import search_host, settle
from tests.bench.stack import Stack

T = TypeVar("T")

# XADDs on one way to Redis.
WRITTEN_TOGETHER = 500


def events_a_second(stack: Stack, events: Events, *, entry_events: int, indexes: bool = False) -> float:
    """The rate for all events into empty tables; `entry_events` is how many came in one request. Their sessions are there already.

    `indexes`: a query host keeps its search index meanwhile.
    """
    stack.empty()
    with search_host(stack.database_url, _new_folder(stack)) if indexes else nullcontext():
        return _drained_a_second(stack, events, entry_events)


def messages_indexed_a_second(stack: Stack) -> float:
    """How fast a query host makes its index of the messages that the last drain left, with nothing else to do."""
    with psycopg.connect(stack.database_url) as connection:
        [(messages,)] = connection.execute("SELECT count(*) FROM messages").fetchall()
    started = time.perf_counter()
    with search_host(stack.database_url, _new_folder(stack)) as service:
        settle(service.index)
        return float(messages / (time.perf_counter() - started))


def _new_folder(stack: Stack) -> Path:
    folder = stack.folder / "search"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


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
