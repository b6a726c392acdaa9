"""Redis away, full or silent: the one answer for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.exceptions import RedisError

from shared.errors import Unavailable

log = structlog.get_logger()

# Everything that waits for Redis waits this long and not longer, so that a 503 comes within a second.
REDIS_SECONDS = 0.9

# OSError: a socket that is gone. TimeoutError is one too.
REDIS_FAILURES = (RedisError, OSError)


def queue_unavailable() -> Unavailable:
    """The 503 that says that the journal took nothing."""
    return Unavailable("The queue does not answer, nothing was kept; send this again in a moment.", code="QUEUE_UNAVAILABLE")


@asynccontextmanager
async def answering_503() -> AsyncIterator[None]:
    """Turns a failure of Redis, its silence included, into the 503."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            yield
    except REDIS_FAILURES as error:
        log.error("queue_unavailable", reason=type(error).__name__)
        raise queue_unavailable() from error
