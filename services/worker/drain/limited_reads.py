"""A read of the journal has a time limit, well within the turn in which it is made.

What a worker reads is held by its name, and its turn is short. A slow Redis could take longer to hand over a batch than the turn lasts: then
another worker would take it away, unread, again and again, and after some times take it for what kills workers. redis-py's own time-out is for
each piece of an answer, so an answer that trickles has none. Here the connection is cut when the time is over; what was taken for nobody is given
back as if it had never been, and the next read asks for less.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from services.worker.drain.consumer_fencing import Drainer
from services.worker.drain.stream_reader import ENTRIES_PER_READ, give_back_unread
from shared.redis.replica_acks import node_of

log = structlog.get_logger()

# Of a turn. The rest is for what comes before and after.
TURN_SHARE: Final = 0.5
# Whatever the turn: a Redis that works, on a machine with much to do, is not given up.
LEAST_SECONDS: Final = 1.0
# After a read that took too long, and after one that was over in this share of its time.
FEWER, MORE = 4, 2
QUICK_SHARE: Final = 0.25

T = TypeVar("T")


def read_in_time(redis: Redis, stream: str, drainer: Drainer, turn_ms: int, read: Callable[[Redis, int], T]) -> T:
    """What `read` gives, with a client of its own connection and the number of entries to ask for. redis' TimeoutError if it takes too long."""
    asked, seconds, began = drainer.entries_per_read, max(turn_ms / 1000 * TURN_SHARE, LEAST_SECONDS), time.monotonic()
    try:
        with _one_connection(redis, stream) as client, _cut_after(client, seconds):
            found = read(client, asked)
    except (RedisConnectionError, RedisTimeoutError):
        drainer.entries_per_read = max(asked // FEWER, 1)
        log.warning("read_too_slow", stream=stream, entries=asked)
        if drainer.name is not None:
            give_back_unread(redis, stream, drainer.name)
        raise
    if time.monotonic() - began < seconds * QUICK_SHARE:
        drainer.entries_per_read = min(asked * MORE, ENTRIES_PER_READ)
    return found


@contextmanager
def _one_connection(redis: Redis, stream: str) -> Iterator[Redis]:
    """A client that never tries twice: what the first try has taken, the second would not be given."""
    with node_of(redis, stream).client() as client:  # type: ignore[no-untyped-call]
        connection: Any = client.connection
        usual, connection.retry = connection.retry, Retry(NoBackoff(), 0)
        try:
            yield client
        finally:
            connection.retry = usual


@contextmanager
def _cut_after(client: Redis, seconds: float) -> Iterator[None]:
    """Ends the connection if the block takes longer; RedisTimeoutError then."""
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        held: Any = getattr(client.connection, "_sock", None)
        if held is not None:
            # Wakes the thread that waits for more of it.
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
