"""The 503 for a Redis that is away, full or silent. Also limits how many requests use Redis at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from services.ingest.http import backend_deadline
from services.ingest.http.bulkhead import Bulkhead
from shared.http.concurrency import REDIS_EXCHANGES
from shared.http.errors import Unavailable
from shared.redis.clients import REDIS_ERRORS

log = structlog.get_logger()

# The longest wait for Redis, so that a 503 comes within a second.
REDIS_SECONDS = backend_deadline.SECONDS

# A backlog needs at least this long to become shorter.
RETRY_AFTER_SECONDS = 5

# OSError: a broken connection. TimeoutError is one too.
REDIS_FAILURES = (*REDIS_ERRORS, OSError)


class OutcomeUnknown(Unavailable):
    """The 503 for an append that Redis did not confirm: it may be there or not. write_event.append adds the ids that a retry needs."""

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
    """The 503 for a journal without room."""
    return Unavailable(reason, code="BACKLOG_FULL", retry_after_seconds=RETRY_AFTER_SECONDS)


def refusal(error: BaseException, *, may_be_kept: bool = False) -> Unavailable:
    """The 503 for a failure of Redis: it is full, or does not answer. `may_be_kept`: an append was sent, only its answer is missing."""
    if may_be_kept:
        return OutcomeUnknown()
    if is_out_of_memory(error):
        return backlog_full("The queue's memory is full and takes no more for now; send this again later, nothing was kept.")
    return queue_unavailable()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Redis refused a write because its memory is full. Then it did none of it."""
    return isinstance(error, OutOfMemoryError) or (isinstance(error, RedisError) and "OOM command not allowed" in str(error))


# One for each client, whether of one server, of a Cluster or of Sentinels.
_bulkheads: WeakKeyDictionary[Redis, Bulkhead] = WeakKeyDictionary()


@asynccontextmanager
async def answering_503(redis: Redis) -> AsyncIterator[None]:
    """One exchange with Redis, once the bulkhead has room. Turns a failure of Redis, or its silence, into the 503.

    Not for an append: the 503 says that nothing was stored.
    """
    bulkhead = _bulkheads.get(redis)
    if bulkhead is None:
        bulkhead = _bulkheads[redis] = Bulkhead(REDIS_EXCHANGES)
    try:
        async with bulkhead.slot():
            with backend_deadline.waiting() as seconds:
                async with backend_deadline.within(seconds):
                    yield
    except REDIS_FAILURES as error:
        log.error("queue_unavailable", reason=type(error).__name__)
        raise refusal(error) from error
