"""Backpressure: refuses writes before Redis is full. Samples the journal's length and Redis' memory in the background.

Redis must never be full: then Celery could not wake the workers that would empty it. Only the journal may fill it, so all else is bounded.
Rings bound the claimed keys (idempotency_keys.py), and a TTL the session cache, which is shorter once all else takes more than its share.
"""

import asyncio

import structlog
from redis.asyncio import Redis

from services.ingest.http import backend_deadline
from services.ingest.http.queue_errors import REDIS_FAILURES, REDIS_SECONDS, backlog_full
from shared.journal.partitions import announce
from shared.journal.streams import stream_key
from shared.periodic import stops_within
from shared.redis.cluster_nodes import memory

log = structlog.get_logger()

SAMPLE_SECONDS = 0.25
# Between two samples while this process appends nothing and refuses nothing.
IDLE_SAMPLE_SECONDS = 1.0
# The watermarks, as shares of maxmemory and of the most entries. Above the high one writes are refused until it is below the low one; two marks
# keep it from flapping.
HIGH_MEMORY_SHARE, LOW_MEMORY_SHARE = 0.8, 0.7
LOW_ENTRIES_SHARE = 0.9
# The share of maxmemory for all that is not the journal. Above it, sessions are cached in Redis for minutes only: by then Postgres has them, unless
# it is away.
OTHERS_SHARE = 0.4
CACHE_SECONDS, SHORT_CACHE_SECONDS = 86_400, 300
# How many of a stream's nodes Redis looks at to estimate its size.
NODES_SAMPLED = 50
# During an append its bytes are in Redis twice: in the input buffer and in the stream.
BYTES_PER_APPENDED_BYTE = 2


class Backlog:
    """Whether the journal has room, by the last sample and by what this process has appended since."""

    def __init__(self, redis: Redis, *, partitions: int, max_entries: int) -> None:
        self._redis = redis
        self._partitions = partitions
        # How many partitions to look at; 0 until this process has announced its own to Redis.
        self._known_partitions = 0
        self._max_entries = max_entries
        self._reason: str | None = None
        # None: Redis has no limit, or there is no sample yet.
        self._room_bytes: int | None = None
        self._appended_bytes = 0
        # Whether anything was appended between the last two samples, or is refused.
        self._is_in_use = False
        # The limit of the smallest server; None as above.
        self.max_bytes: int | None = None
        # How long a session may be cached in Redis.
        self.cache_entry_seconds = CACHE_SECONDS

    @property
    def is_announced(self) -> bool:
        """Whether the workers can find every partition that this process writes to."""
        return self._known_partitions > 0

    def check(self) -> None:
        """Unavailable BACKLOG_FULL if there is no room."""
        if self._reason:
            raise backlog_full(self._reason)

    def reserve(self, size: int) -> None:
        """Reserves room for the bytes of the next append. Unavailable BACKLOG_FULL if there is too little.

        Without it, many large bodies that arrive between two samples would all be accepted.
        """
        self._appended_bytes += size
        if self._room_bytes is not None and self._appended_bytes * BYTES_PER_APPENDED_BYTE > self._room_bytes:
            self._appended_bytes -= size
            raise backlog_full(_MEMORY)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Samples until `stopping` is set."""
        is_stopping = False
        while not is_stopping:
            try:
                await self.sample()
            except REDIS_FAILURES as error:
                # The writes fail by themselves and answer QUEUE_UNAVAILABLE.
                log.warning("backlog_not_sampled", reason=type(error).__name__)
            is_stopping = await stops_within(stopping, SAMPLE_SECONDS if self._is_in_use else IDLE_SAMPLE_SECONDS)

    async def sample(self) -> None:
        """One look at Redis."""
        before = self._appended_bytes
        async with backend_deadline.within(REDIS_SECONDS), self._redis.pipeline(transaction=False) as pipe:
            # With each sample, since Redis may have been replaced.
            self._known_partitions = await announce(self._redis, self._partitions)
            for partition in range(self._known_partitions):
                pipe.xlen(stream_key(partition))
                pipe.memory_usage(stream_key(partition), samples=NODES_SAMPLED)
            replies = await pipe.execute()
            servers = await memory(self._redis)
        # Entries that were appended meanwhile may be in the sample or not. It counts as if it were not.
        self._appended_bytes -= before
        # The fullest server decides, since the next session may be on any.
        limited = [(used_bytes, max_bytes) for used_bytes, max_bytes in servers if max_bytes]
        self._room_bytes = min((int(HIGH_MEMORY_SHARE * max_bytes) - used_bytes for used_bytes, max_bytes in limited), default=None)
        self.max_bytes = min((max_bytes for _, max_bytes in limited), default=None)
        others_bytes = sum(used_bytes for used_bytes, _ in servers) - sum(filter(None, replies[1::2]))
        are_many = bool(limited) and others_bytes > OTHERS_SHARE * sum(max_bytes for _, max_bytes in limited)
        self.cache_entry_seconds = SHORT_CACHE_SECONDS if are_many else CACHE_SECONDS
        self._reason = self._reason_to_refuse(
            sum(replies[::2]), max((used_bytes / max_bytes for used_bytes, max_bytes in limited), default=0.0)
        )
        self._is_in_use = before > 0 or self._reason is not None

    def _reason_to_refuse(self, entries: int, memory_share: float) -> str | None:
        is_closed = self._reason is not None
        if entries > self._max_entries * (LOW_ENTRIES_SHARE if is_closed else 1):
            return f"{entries} entries wait to be stored and no more are taken for now; send this again later, nothing was kept."
        if memory_share > (LOW_MEMORY_SHARE if is_closed else HIGH_MEMORY_SHARE):
            return _MEMORY
        return None


_MEMORY = "The queue's memory is nearly full and no more is taken for now; send this again later, nothing was kept."
