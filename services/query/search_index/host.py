"""This process as a host of searches: it looks for what changed, and tells the worker, whose purges wait for it."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

import msgspec
import psycopg
import structlog
from redis import Redis

from services.query.database import Database
from services.query.search_index.folder import Folder, NoPlace, own_place
from services.query.search_index.reader import SearchIndex
from services.query.search_index.writer_process import WriterProcess
from services.query.settings import Settings
from shared.redis.clients import REDIS_ERRORS
from shared.search_hosts import HOSTS_KEY, SearchHost

log = structlog.get_logger()

# Half of what a purge expects. A search looks by itself.
LOOK_SECONDS: Final = 5.0
# While the writer is at work.
SOON_SECONDS: Final = 1.0
# A look that hangs with Postgres does not keep the service from ending.
END_SECONDS: Final = 5.0


@contextmanager
def search_index(settings: Settings, database: Database, redis: Redis) -> Iterator[SearchIndex]:
    """The index, which follows the database during the block. Without a folder that can be written there is no index, and searches go on."""
    # The writer has another working directory.
    path = settings.search_folder.expanduser().absolute()
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(own_place(path))
        except NoPlace as error:
            log.warning("no_search_folder", folder=str(path), error=str(error))
            yield SearchIndex(None, database, None)
            return
        index = SearchIndex(folder, database, WriterProcess(folder, settings.database_url, settings.log_level))
        host = _Host(folder, index, redis)
        # Its own thread: those of requests would fill up with looks that hang.
        thread = threading.Thread(target=host.follow, name="search-index", daemon=True)
        thread.start()
        try:
            yield index
        finally:
            host.stopping.set()
            thread.join(END_SECONDS)
            index.close()


class _Host:
    """Reports this process to Redis as a host of searches."""

    def __init__(self, folder: Folder, index: SearchIndex, redis: Redis) -> None:
        self.stopping = threading.Event()
        self._folder, self._name, self._index, self._redis = folder, folder.host(), index, redis
        self._purged = 0
        self._away: set[str] = set()

    def follow(self) -> None:
        """Looks and reports until it stops. First it says that it is there, with what is in the folder: a purge of this moment waits for it."""
        self._report()
        self._index.announced()
        while True:
            self._look()
            self._report()
            if self.stopping.wait(LOOK_SECONDS if self._index.is_settled() else SOON_SECONDS):
                break
        # Purges wait for it no more: it purges when it comes back.
        with suppress(*REDIS_ERRORS, OSError):
            self._redis.hdel(HOSTS_KEY, self._name)

    def _look(self) -> None:
        try:
            self._index.look()
        except psycopg.Error as error:
            self._tell("postgres", error)
        else:
            self._away.discard("postgres")

    def _report(self) -> None:
        lag = self._index.lag()
        said = SearchHost(time.time(), self._index.purged(), lag.sessions, lag.texts, lag.oldest_seconds, lag.is_whole)
        try:
            if said.purged not in (0, self._purged):
                # Files that were left there would never be purged.
                self._folder.clear_free_places()
                self._purged = said.purged
            self._redis.hset(HOSTS_KEY, self._name, msgspec.json.encode(said))
        except REDIS_ERRORS as error:
            self._tell("redis", error)
        except OSError as error:
            self._tell("folder", error)
        else:
            self._away -= {"redis", "folder"}

    def _tell(self, away: str, error: Exception) -> None:
        """Once, until it is there again."""
        if away not in self._away:
            self._away.add(away)
            log.warning("search_host_hindered", away=away, error=type(error).__name__)
