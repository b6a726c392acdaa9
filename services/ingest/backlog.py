"""Backpressure: says no before Redis has to. Samples the journal's length and Redis' memory in the background."""

import asyncio
from contextlib import suppress

import structlog
from redis.asyncio import Redis

from services.ingest.queue_errors import REDIS_FAILURES, REDIS_SECONDS
from shared.errors import Unavailable
from shared.journal import stream_key

log = structlog.get_logger()

SAMPLE_SECONDS = 0.25
MAX_MEMORY_SHARE = 0.8
RETRY_AFTER_SECONDS = 5


class Backlog:
    """Whether the journal has room, as of the last sample."""

    def __init__(self, redis: Redis, *, partitions: int, max_entries: int) -> None:
        self._redis = redis
        self._streams = [stream_key(partition) for partition in range(partitions)]
        self._max_entries = max_entries
        self._reason: str | None = None

    def check(self) -> None:
        """Unavailable BACKLOG_FULL if there is no room."""
        if self._reason:
            raise Unavailable(self._reason, code="BACKLOG_FULL", retry_after_seconds=RETRY_AFTER_SECONDS)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Samples until `stopping` is set."""
        while not stopping.is_set():
            try:
                await self.sample()
            except REDIS_FAILURES as error:
                # The writes find out by themselves and answer QUEUE_UNAVAILABLE.
                log.warning("backlog_not_sampled", reason=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(SAMPLE_SECONDS):
                    await stopping.wait()

    async def sample(self) -> None:
        """One look at Redis."""
        async with asyncio.timeout(REDIS_SECONDS), self._redis.pipeline(transaction=False) as pipe:
            for stream in self._streams:
                pipe.xlen(stream)
            pipe.info("memory")
            *lengths, memory = await pipe.execute()
        self._reason = self._judge(sum(lengths), memory["used_memory"], memory["maxmemory"])

    def _judge(self, entries: int, used_bytes: int, max_bytes: int) -> str | None:
        if entries > self._max_entries:
            return f"{entries} entries wait to be stored and no more are taken for now; send this again later, nothing was kept."
        if max_bytes and used_bytes > MAX_MEMORY_SHARE * max_bytes:
            return "The queue's memory is nearly full and no more is taken for now; send this again later, nothing was kept."
        return None
