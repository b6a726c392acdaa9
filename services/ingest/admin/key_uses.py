"""Stores when API keys were used last, twice a minute in the background. Ingest does so for query too, whose connection cannot write."""

import asyncio
from datetime import datetime

import structlog
from redis.asyncio import Redis

from services.ingest.http.queue_errors import REDIS_FAILURES, REDIS_SECONDS
from services.ingest.postgres.admin.api_keys import ApiKeys
from shared.auth.key_cache import USED_KEY, KeyCache
from shared.http.errors import Unavailable
from shared.periodic import stops_within

log = structlog.get_logger()

WRITE_SECONDS = 30.0


class KeyUses:
    """The uses that this process has seen, and those that the query service has left in Redis."""

    def __init__(self, cache: KeyCache, keys: ApiKeys, redis: Redis) -> None:
        self._cache = cache
        self._keys = keys
        self._redis = redis
        self._unwritten: dict[str, datetime] = {}

    async def watch(self, stopping: asyncio.Event) -> None:
        """Writes until `stopping` is set, then once more."""
        while not await stops_within(stopping, WRITE_SECONDS):
            await self.write()
        await self.write()

    async def write(self) -> None:
        """Writes once. A use that cannot be written stays for the next time."""
        try:
            self._merge(await self._take_from_redis())
        except REDIS_FAILURES as error:
            log.warning("key_uses_not_read", reason=type(error).__name__)
        self._merge(self._cache.take_used())
        if self._unwritten:
            try:
                await self._keys.note_used(self._unwritten)
                self._unwritten = {}
            except Unavailable:
                log.warning("key_uses_not_written", keys=len(self._unwritten))

    async def _take_from_redis(self) -> dict[str, datetime]:
        async with asyncio.timeout(REDIS_SECONDS), self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(USED_KEY)
            pipe.delete(USED_KEY)
            found, _ = await pipe.execute()
        return {key_id.decode(): datetime.fromisoformat(at.decode()) for key_id, at in found.items()}

    def _merge(self, used: dict[str, datetime]) -> None:
        for key_id, at in used.items():
            self._unwritten[key_id] = max(at, self._unwritten.get(key_id, at))
