"""How the query service looks keys up, and how it tells which were used: it cannot write to Postgres, so it leaves a note in Redis for ingest."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import structlog
from redis import Redis
from starlette.concurrency import run_in_threadpool

from services.query.database import AWAY, Connection, Database
from services.query.http.bounded_look_ups import BoundedThreads
from services.query.queries.lists import keys
from shared.auth.key_cache import USED_KEY, KeyCache
from shared.auth.keys import StoredKey
from shared.http.errors import Unavailable
from shared.periodic import in_background, stops_within
from shared.redis.clients import REDIS_ERRORS

log = structlog.get_logger()

NOTE_SECONDS = 30.0

T = TypeVar("T")


async def find_key(database: Database, threads: BoundedThreads, key_id: str) -> StoredKey | None:
    """A key that is not revoked, as the primary has it; as a replica has it while the primary is away, for then nobody can revoke one.

    Unavailable if neither can tell.
    """
    return await _read(database, threads, lambda connection: keys.find_key(connection, key_id))


async def has_admin(database: Database, threads: BoundedThreads) -> bool:
    """Whether anybody can make keys. Unavailable if the database cannot tell."""
    return await _read(database, threads, keys.has_admin)


async def _read(database: Database, threads: BoundedThreads, query: Callable[[Connection], T]) -> T:
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
async def noting_uses(cache: KeyCache, redis: "Redis") -> AsyncIterator[None]:
    """Leaves a note twice a minute of the keys that were used, and once more at the end."""

    async def watch(stopping: asyncio.Event) -> None:
        while not await stops_within(stopping, NOTE_SECONDS):
            await run_in_threadpool(note_uses, redis, cache.take_used())
        await run_in_threadpool(note_uses, redis, cache.take_used())

    async with in_background(watch):
        yield


def note_uses(redis: "Redis", used: dict[str, datetime]) -> None:
    """Which keys were used, and when; without Redis nobody hears of it, which harms nobody."""
    if not used:
        return
    try:
        redis.hset(USED_KEY, mapping={key_id: at.isoformat() for key_id, at in used.items()})
    except REDIS_ERRORS as error:
        log.warning("key_uses_not_noted", reason=type(error).__name__)
