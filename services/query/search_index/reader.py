"""The index of sessions as searches read it, while the writer's process writes on."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg
import structlog
from msgspec import Struct
from tantivy import Index, Query, Searcher

from services.query.database import Connection, Database, one_row
from services.query.search_index.fields import open_index
from services.query.search_index.folder import Folder, State
from services.query.search_index.look import Look, look
from services.query.search_index.writer_process import WriterProcess
from shared.sql_files import statement

log = structlog.get_logger()

# How old a look may be for a search.
FRESH_SECONDS: Final = 1.0
# After a look that failed, searches go on without the index for so long.
AWAY_SECONDS: Final = 5.0
# Sessions that are counted behind a writer that does not come to them.
MOST_CHANGED: Final = 10_000
_VISIBLE_SESSIONS: Final = statement(__package__, "follow.sql", "visible_sessions")

T = TypeVar("T")


class View(Struct, frozen=True):
    """The index at one moment. `fresh` has texts that changed since, `stale` matches those of `searcher` whose rows changed; `pending` are in neither."""

    searcher: Searcher
    fresh: Searcher | None
    stale: Query | None
    pending: int
    is_whole: bool


class SearchIndex:
    """Any thread may call it. Without a folder (None: it could not be had) there is never an index."""

    def __init__(self, folder: Folder | None, database: Database, writer: WriterProcess | None) -> None:
        self._folder, self._database, self.writer = folder, database, writer
        self._lock = threading.RLock()
        self._state: State | None = None
        self._stamp: tuple[int, int] | None = None
        # The name of the index that is open, and of which state its searcher is.
        self._open: tuple[str, Index] | None = None
        self._loaded: tuple[int, int] | None = None
        self._searcher: Searcher | None = None
        self._seen: Look | None = None
        # By the clock on the wall, which goes on while a machine sleeps.
        self._looked_at = self._failed_at = 0.0
        self._is_announced = False

    def announced(self) -> None:
        """From now on purges wait for this host. Before, it answers no search."""
        self._is_announced = True

    def searcher(self) -> Searcher | None:
        """None: there is no index yet, or one that a purge has still to make anew. Hold it for one search only."""
        # While the primary hangs, no search waits for it for long.
        if not self._is_announced or not self._lock.acquire(timeout=FRESH_SECONDS):
            return None
        try:
            if not self._is_of_the_last(self._looked_at, FRESH_SECONDS):
                if self._is_of_the_last(self._failed_at, AWAY_SECONDS):
                    return None
                try:
                    self.look()
                except psycopg.Error:
                    return None
            return self._searcher
        finally:
            self._lock.release()

    @staticmethod
    def _is_of_the_last(at: float, seconds: float) -> bool:
        return 0 <= time.time() - at < seconds

    def ask(self, question: Callable[[Searcher], T]) -> T | None:
        """The answer of the index; None as `searcher` says it, and if its files are damaged, which then are made anew."""
        searcher = self.searcher()
        if searcher is None:
            return None
        try:
            return question(searcher)
        except BaseException as error:
            if not self._shows_damage(error):
                raise
            return None

    def look(self) -> None:
        """Follows what the writer did, and wakes it if something waits. psycopg.Error if the primary is away."""
        with self._lock:
            if self._folder is None:
                self._looked_at = time.time()
                return
            self._read_state(self._folder)
            try:
                with self._database.connection(from_primary=True) as connection:
                    seen = look(connection, self._state, most=MOST_CHANGED)
            except psycopg.Error:
                self._failed_at = time.time()
                raise
            self._seen, self._looked_at = seen, time.time()
            if seen.allows(self._state):
                self._follow(self._folder)
            else:
                self._open = self._searcher = None
            if self.writer is not None:
                if self._state is None or self._state.waiting or seen.changed or not seen.allows(self._state):
                    self.writer.wake()
                else:
                    self.writer.reap()

    def waiting(self, connection: Connection) -> int:
        """Counts the sessions that this connection sees and that are not in the index as they are. psycopg.Error if Postgres is away."""
        waiting = self._waiting()
        if waiting is not None and not waiting:
            return 0
        found: int = one_row(connection, _VISIBLE_SESSIONS, {"session_ids": None if waiting is None else list(waiting)})["waiting"]
        return found

    def is_settled(self) -> bool:
        """True if it is whole, as of the last look."""
        return self._folder is None or (self._searcher is not None and not self.waiting_about())

    def purged(self) -> int:
        """The newest purge before which no text is in the index. 0 while that is not known."""
        state = self._state
        return state.purged if state is not None else 0

    def waiting_about(self) -> int:
        """The number of sessions that wait, as the last look saw it."""
        return len(self._waiting() or ())

    def _waiting(self) -> set[str] | None:
        """None: all."""
        # Without the lock, which a look that hangs would hold.
        state, seen = self._state, self._seen
        return {*state.waiting, *seen.changed} if state is not None and seen is not None and seen.allows(state) else None

    def close(self) -> None:
        """Ends the writer, and drops the files."""
        if self.writer is not None:
            self.writer.stop()
        with self._lock:
            self._open = self._searcher = None

    def _read_state(self, folder: Folder) -> None:
        stamp = folder.stamp()
        if stamp is None or stamp != self._stamp or self._state is None:
            state = folder.state()
            # Before it is told how far the folder is purged.
            if state is None or (self._open is not None and self._open[0] != state.index):
                self._open = self._searcher = None
            self._stamp, self._state = stamp, state

    def _follow(self, folder: Folder) -> None:
        """Opens the index, or what was committed since."""
        assert self._state is not None
        name = self._state.index
        try:
            if self._open is None:
                index = open_index(str(folder.index_path(name)))
                # It is asked to reload below: a thread of tantivy would look at the folder twice a second.
                index.config_reader("manual")
                self._open, self._loaded = (name, index), None
            if self._loaded != self._stamp:
                self._open[1].reload()
                self._searcher, self._loaded = self._open[1].searcher(), self._stamp
        except BaseException as error:
            if not _is_of_tantivy(error):
                raise
            self._drop_damaged(folder, name, error)

    def _shows_damage(self, error: BaseException) -> bool:
        """True if the error is one of the files: a wrong question gives one too. To open them again looks at the end of each."""
        with self._lock:
            if not _is_of_tantivy(error) or self._folder is None:
                return False
            if self._open is None:
                return True
            name = self._open[0]
            self._open = self._searcher = None
            if isinstance(error, (ValueError, OSError)):
                self._follow(self._folder)
            else:
                self._drop_damaged(self._folder, name, error)
            return self._searcher is None

    def _drop_damaged(self, folder: Folder, name: str, error: BaseException) -> None:
        self._open = self._searcher = None
        state = folder.state()
        # The writer may have made it anew just now.
        if state is not None and state.index == name:
            log.warning("search_index_damaged", error=str(error))
            folder.mark_damaged(name)
        self._state = None


def _is_of_tantivy(error: BaseException) -> bool:
    """Its panics have a class that cannot be named."""
    return isinstance(error, (ValueError, OSError)) or type(error).__name__ == "PanicException"
