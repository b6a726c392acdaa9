"""Redis away, full or silent: the one answer for it. And how many requests ask it at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from services.ingest import patience
from services.ingest.bulkhead import Bulkhead
from shared.concurrency import REDIS_EXCHANGES
from shared.errors import Unavailable
from shared.redis_clients import REDIS_ERRORS

log = structlog.get_logger()

# Everything that waits for Redis waits this long and not longer, so that a 503 comes within a second.
REDIS_SECONDS = patience.SECONDS

# How long it takes at least for a backlog to become shorter.
RETRY_AFTER_SECONDS = 5

# OSError: a socket that is gone. TimeoutError is one too.
REDIS_FAILURES = (*REDIS_ERRORS, OSError)


def queue_unavailable() -> Unavailable:
    """The 503 that says that the journal took nothing."""
    return Unavailable("The queue does not answer, nothing was kept; send this again in a moment.", code="QUEUE_UNAVAILABLE")


def backlog_full(reason: str) -> Unavailable:
    """The 503 that says that there is no room now."""
    return Unavailable(reason, code="BACKLOG_FULL", retry_after_seconds=RETRY_AFTER_SECONDS)


def refusal(error: BaseException) -> Unavailable:
    """The 503 for a write that failed: Redis is full, or does not say that it has it."""
    if isinstance(error, OutOfMemoryError) or (isinstance(error, RedisError) and "OOM command not allowed" in str(error)):
        return backlog_full("The queue's memory is full and takes no more for now; send this again later, nothing was kept.")
    return queue_unavailable()


# Of each client: of one server, of a Cluster, or with Sentinels.
_bulkheads: WeakKeyDictionary[Redis, Bulkhead] = WeakKeyDictionary()


@asynccontextmanager
async def answering_503(redis: Redis) -> AsyncIterator[None]:
    """One exchange with Redis, when it is this request's turn. Turns a failure of Redis, its silence included, into the 503."""
    bulkhead = _bulkheads.get(redis)
    if bulkhead is None:
        bulkhead = _bulkheads[redis] = Bulkhead(REDIS_EXCHANGES)
    try:
        async with bulkhead.turn():
            with patience.waiting() as seconds:
                async with patience.within(seconds):
                    yield
    except REDIS_FAILURES as error:
        log.error("queue_unavailable", reason=type(error).__name__)
        raise refusal(error) from error
