"""API keys in the query service: looked up in Postgres, and their uses reported to ingest through Redis, since this service cannot write to Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import structlog
from redis import Redis
from starlette.concurrency import run_in_threadpool

from services.query.database import AWAY, Connection, Database
from services.query.http.time_limited_threads import TimeLimitedThreads
from services.query.queries.lists import keys
from shared.auth.key_cache import USED_KEY, KeyCache
from shared.auth.keys import StoredKey
from shared.http.errors import Unavailable
from shared.periodic import in_background, stops_within
from shared.redis.clients import REDIS_ERRORS

log = structlog.get_logger()

REPORT_SECONDS = 30.0

T = TypeVar("T")


async def find_key(database: Database, threads: TimeLimitedThreads, key_id: str) -> StoredKey | None:
    """A key that is not revoked, from the primary. While the primary is away, from the replica: no key can be revoked then.

    Unavailable if neither answers.
    """
    return await _read(database, threads, lambda connection: keys.find_key(connection, key_id))


async def has_admin(database: Database, threads: TimeLimitedThreads) -> bool:
    """Whether an admin key exists. Unavailable if the database does not answer."""
    return await _read(database, threads, keys.has_admin)


async def _read(database: Database, threads: TimeLimitedThreads, query: Callable[[Connection], T]) -> T:
    def read() -> T:
        try:
            with database.connection(from_primary=True) as connection:
                return query(connection)
        except AWAY:
            with database.connection() as connection:
                return query(connection)

    try:
        return await threads.run(read)
    except (*AWAY, TimeoutError) as error:
        log.warning("database_unavailable", error=type(error).__name__)
        raise Unavailable("The database cannot be reached now; try again in a moment.", code="DATABASE_UNAVAILABLE") from error


@asynccontextmanager
async def reporting_key_uses(cache: KeyCache, redis: "Redis") -> AsyncIterator[None]:
    """Reports the keys that were used twice a minute, and once more at the end."""

    async def watch(stopping: asyncio.Event) -> None:
        while not await stops_within(stopping, REPORT_SECONDS):
            await run_in_threadpool(report_key_uses, redis, cache.take_used())
        await run_in_threadpool(report_key_uses, redis, cache.take_used())

    async with in_background(watch):
        yield


def report_key_uses(redis: "Redis", used: dict[str, datetime]) -> None:
    """Writes ids and times of used keys to Redis. Without Redis they are lost, and `last_used_at` is older than it should be."""
    if not used:
        return
    try:
        redis.hset(USED_KEY, mapping={key_id: at.isoformat() for key_id, at in used.items()})
    except REDIS_ERRORS as error:
        log.warning("key_uses_not_noted", reason=type(error).__name__)
