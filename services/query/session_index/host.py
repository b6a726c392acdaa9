"""This process as a host of searches: it looks for what changed, and tells the worker, whose purges wait for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

import msgspec
import psycopg
import structlog
from redis import Redis

from services.query.database import Database
from services.query.session_index.folder import NoPlace, own_place
from services.query.session_index.reader import SessionIndex
from services.query.session_index.writer_process import WriterProcess
from services.query.settings import Settings
from shared.periodic import in_background, stops_within
from shared.redis.clients import REDIS_ERRORS
from shared.search_hosts import HOSTS_KEY, SearchHost

log = structlog.get_logger()

# Half of what a purge expects. A search looks by itself.
LOOK_SECONDS: Final = 5.0
# While the writer is at work.
SOON_SECONDS: Final = 1.0


class RunInThread(Protocol):
    """Runs something that waits for Postgres or Redis, for a limited time. TimeoutError if it takes longer."""

    def __call__(self, work: Callable[[], None], /) -> Awaitable[None]: ...


@asynccontextmanager
async def session_index(settings: Settings, database: Database, redis: Redis, run: RunInThread) -> AsyncIterator[SessionIndex]:
    """The index, which follows the database during the block. Without a folder that can be written there is none, and searches go on."""
    try:
        with own_place(settings.search_folder) as folder:
            writer = WriterProcess(folder, settings.database_url, settings.log_level)
            index = SessionIndex(folder, database, writer)
            host = _Host(folder.host(), index, redis)
            try:
                async with in_background(lambda stopping: host.follow(run, stopping)):
                    yield index
            finally:
                index.close()
                with suppress(TimeoutError):
                    await run(host.leave)
    except NoPlace as error:
        log.warning("no_search_folder", folder=str(settings.search_folder), error=str(error))
        yield SessionIndex(None, database, None)


class _Host:
    """How this process is told of in Redis."""

    def __init__(self, name: str, index: SessionIndex, redis: Redis) -> None:
        self._name, self._index, self._redis = name, index, redis
        self._is_away: set[str] = set()

    async def follow(self, run: RunInThread, stopping: asyncio.Event) -> None:
        """Looks and reports until it stops. First it says that it is there, with what is in the folder: a purge of this moment waits for it."""
        while True:
            with suppress(TimeoutError):
                await run(self._report)
            self._index.announced()
            with suppress(TimeoutError):
                await run(self._look)
            if await stops_within(stopping, LOOK_SECONDS if self._index.is_settled() else SOON_SECONDS):
                return

    def leave(self) -> None:
        """Purges wait for it no more: it purges when it comes back."""
        with suppress(*REDIS_ERRORS, OSError):
            self._redis.hdel(HOSTS_KEY, self._name)

    def _look(self) -> None:
        try:
            self._index.look()
        except psycopg.Error as error:
            self._tell("postgres", error)
        else:
            self._is_away.discard("postgres")
            # At once, where a purge waits for it.
            self._report()

    def _report(self) -> None:
        said = SearchHost(time.time(), self._index.purged(), self._index.waiting_about())
        try:
            self._redis.hset(HOSTS_KEY, self._name, msgspec.json.encode(said))
        except (*REDIS_ERRORS, OSError) as error:
            self._tell("redis", error)
        else:
            self._is_away.discard("redis")

    def _tell(self, server: str, error: Exception) -> None:
        """Once, until it is there again."""
        if server not in self._is_away:
            self._is_away.add(server)
            log.warning("search_host_away", server=server, error=type(error).__name__)
