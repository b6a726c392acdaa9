"""Redis away, full or silent: the one answer for it. And how many requests ask it at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from services.ingest.http import request_deadline
from services.ingest.http.bulkhead import Bulkhead
from shared.http.concurrency import REDIS_EXCHANGES
from shared.http.errors import Unavailable
from shared.redis.clients import REDIS_ERRORS

log = structlog.get_logger()

# Everything that waits for Redis waits this long and not longer, so that a 503 comes within a second.
REDIS_SECONDS = request_deadline.SECONDS

# How long it takes at least for a backlog to become shorter.
RETRY_AFTER_SECONDS = 5

# OSError: a socket that is gone. TimeoutError is one too.
REDIS_FAILURES = (*REDIS_ERRORS, OSError)


class OutcomeUnknown(Unavailable):
    """The 503 for a write that was sent to the journal and not confirmed: it may be there or not. `keep` adds what a retry needs."""

    def __init__(self) -> None:
        super().__init__(
            "The queue did not confirm this in time, so it may have been kept or not; send it again with the same ids, as in details, or the same "
            "Idempotency-Key, and it is stored once.",
            code="QUEUE_UNAVAILABLE",
        )
        self.details = {"outcome": "unknown"}


def queue_unavailable() -> Unavailable:
    """The 503 for a write that was not sent to the journal."""
    return Unavailable("The queue does not answer, nothing was kept; send this again in a moment.", code="QUEUE_UNAVAILABLE")


def backlog_full(reason: str) -> Unavailable:
    """The 503 that says that there is no room now."""
    return Unavailable(reason, code="BACKLOG_FULL", retry_after_seconds=RETRY_AFTER_SECONDS)


def refusal(error: BaseException, *, may_be_kept: bool = False) -> Unavailable:
    """The 503 for what failed: Redis is full, or does not answer. `may_be_kept`: an append was sent, and only its answer is missing."""
    if may_be_kept:
        return OutcomeUnknown()
    if is_out_of_memory(error):
        return backlog_full("The queue's memory is full and takes no more for now; send this again later, nothing was kept.")
    return queue_unavailable()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Redis refused a write for want of memory, before it did anything of it."""
    return isinstance(error, OutOfMemoryError) or (isinstance(error, RedisError) and "OOM command not allowed" in str(error))


# Of each client: of one server, of a Cluster, or with Sentinels.
_bulkheads: WeakKeyDictionary[Redis, Bulkhead] = WeakKeyDictionary()


@asynccontextmanager
async def answering_503(redis: Redis) -> AsyncIterator[None]:
    """One exchange with Redis, when it is this request's turn. Turns a failure of Redis, its silence included, into the 503.

    Not for an append: nothing was kept.
    """
    bulkhead = _bulkheads.get(redis)
    if bulkhead is None:
        bulkhead = _bulkheads[redis] = Bulkhead(REDIS_EXCHANGES)
    try:
        async with bulkhead.turn():
            with request_deadline.waiting() as seconds:
                async with request_deadline.within(seconds):
                    yield
    except REDIS_FAILURES as error:
        log.error("queue_unavailable", reason=type(error).__name__)
        raise refusal(error) from error
