"""A time limit for reads of the journal, well within the lease under which they are made.

A worker holds the entries it reads for the time of a lease. Redis may be so slow that a read takes longer. Another worker would then
claim the entries, unread, again and again, and in the end take them for entries that kill workers. redis-py's time-out is for each piece of
an answer, so it does not end an answer that trickles. Here the connection is cut when the time is over, what was read is released, and the
next read asks for fewer entries.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from services.worker.drain.consumer_fencing import JournalConsumer
from services.worker.drain.stream_reader import ENTRIES_PER_READ, release_unread
from shared.redis.replica_acks import node_of

log = structlog.get_logger()

# The limit's share of the lease. The rest is for the work before and after the read.
LEASE_SHARE: Final = 0.5
# However short the lease: a Redis that works on a busy machine is not given up.
LEAST_SECONDS: Final = 1.0
# By how much the next read asks for less after a slow read, and for more after one that took at most QUICK_SHARE of its time.
FEWER, MORE = 4, 2
QUICK_SHARE: Final = 0.25


@contextmanager
def limited_read(redis: Redis, stream: str, consumer: JournalConsumer, lease_ms: int) -> Iterator[tuple[Redis, int]]:
    """Gives a client with a connection of its own, and the number of entries to ask for. redis' TimeoutError if the block takes too long."""
    count, seconds, began = consumer.entries_per_read, max(lease_ms / 1000 * LEASE_SHARE, LEAST_SECONDS), time.monotonic()
    try:
        with _one_connection(redis, stream) as client, _cut_after(client, seconds):
            yield client, count
    except (RedisConnectionError, RedisTimeoutError):
        consumer.entries_per_read = max(count // FEWER, 1)
        log.warning("read_too_slow", stream=stream, entries=count)
        if consumer.name is not None:
            release_unread(redis, stream, consumer.name)
        raise
    if time.monotonic() - began < seconds * QUICK_SHARE:
        consumer.entries_per_read = min(count * MORE, ENTRIES_PER_READ)


@contextmanager
def _one_connection(redis: Redis, stream: str) -> Iterator[Redis]:
    """A client that never retries: a second try would not be given what the first one has taken."""
    with node_of(redis, stream).client() as client:  # type: ignore[no-untyped-call]
        connection: Any = client.connection
        usual, connection.retry = connection.retry, Retry(NoBackoff(), 0)
        try:
            yield client
        finally:
            connection.retry = usual


@contextmanager
def _cut_after(client: Redis, seconds: float) -> Iterator[None]:
    """Cuts the connection if the block takes longer. The error is then RedisTimeoutError."""
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        held: Any = getattr(client.connection, "_sock", None)
        if held is not None:
            # Wakes the thread that waits for more of the answer.
            held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.start()
    try:
        yield
    except RedisConnectionError as error:
        if is_cut.is_set():
            raise RedisTimeoutError(f"a read of the journal was not over after {seconds:g} s") from error
        raise
    finally:
        timer.cancel()
