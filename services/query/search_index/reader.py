"""The search index as searches read it, while the writer's process writes on."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg
import structlog
from msgspec import Struct
from msgspec.structs import replace
from tantivy import Index, Query, Searcher

from services.query.database import Connection, Database, one_row
from services.query.search_index.documents.backfill import texts_left
from services.query.search_index.folder import Folder, State
from services.query.search_index.fresh_texts import MOST_ROWS, FreshIndex, FreshTexts
from services.query.search_index.look import Look, look
from services.query.search_index.words.fields import open_index
from services.query.search_index.writer_process import WriterProcess
from shared.sql_files import SqlFile

log = structlog.get_logger()

# While the primary hangs, no search waits for it for longer.
PATIENCE_SECONDS: Final = 1.0
# After a look that failed, searches go on with what was seen last for so long, or until another look does not fail.
AWAY_SECONDS: Final = 5.0
_VISIBLE_SESSIONS: Final = SqlFile(__package__, "follow.sql").visible_sessions

T = TypeVar("T")


class View(Struct, frozen=True):
    """The index as a search sees it. Hold it for one search only."""

    # Texts.
    searcher: Searcher
    # Sessions, to be ranked.
    sessions: Searcher
    # Texts that changed since, without documents of sessions.
    fresh: Searcher | None
    # Matches the documents of `searcher` whose rows changed since: they do not count.
    stale: Query | None
    # Texts that are in neither as they are.
    pending: int
    # False if Postgres did not say in time what was stored last.
    is_current: bool
    # False while the index is being made: only a part of it, the newest rows first, is there.
    is_whole: bool
    # Until then, what is not in it, as a person reads it: "messages before 2024-05-01".
    left: tuple[str, ...] = ()
    # False while an index that has not been purged answers: its words are not to be shown.
    may_show_words: bool = True


class Lag(Struct, frozen=True):
    """The backlog of the index: texts, sessions, and for how long the oldest change waits; 0 if none does."""

    texts: int
    sessions: int
    oldest_seconds: float
    is_whole: bool


class SearchIndex:
    """Any thread may call it. Without a folder (None: it could not be had) there is never an index."""

    def __init__(self, folder: Folder | None, database: Database, writer: WriterProcess | None) -> None:
        self._folder, self._database, self.writer = folder, database, writer
        self._lock = threading.RLock()
        self._state: State | None = None
        self._stamp: tuple[int, int] | None = None
        # The name of the index that is open, and of which state its searcher is.
        self._open: tuple[str, Index, Index] | None = None
        self._loaded: tuple[int, int] | None = None
        self._searcher: Searcher | None = None
        self._sessions: Searcher | None = None
        self._seen: Look | None = None
        self._fresh = FreshIndex()
        self._view: View | None = None
        # When the last look began, and the last one that failed.
        self._looked_at = self._failed_at = float("-inf")
        self._is_announced = False

    def announced(self) -> None:
        """From now on purges wait for this host. Before, it answers no search."""
        self._is_announced = True

    def view(self) -> View | None:
        """With all that was committed before this call, or as it was seen last. None: there is no index yet."""
        asked_at = time.monotonic()
        if not self._is_announced or not self._lock.acquire(timeout=PATIENCE_SECONDS):
            return self._last_view()
        try:
            # Another one that waited may have looked since.
            if self._looked_at < asked_at and asked_at > self._failed_at + AWAY_SECONDS:
                try:
                    self._look(is_for_search=True)
                except psycopg.Error as error:
                    log.warning("search_index_not_followed", error=type(error).__name__)
            return self._view if self._looked_at >= asked_at else self._last_view()
        finally:
            self._lock.release()

    def _last_view(self) -> View | None:
        """As it was seen last, which may have been some seconds ago."""
        return replace(self._view, is_current=False) if self._view is not None else None

    def ask(self, question: Callable[[View], T]) -> T | None:
        """The answer of the index. None: it is not made yet, or its files are damaged and are made anew."""
        view = self.view()
        if view is None:
            return None
        try:
            return question(view)
        except BaseException as error:
            if not self._shows_damage(error):
                raise
            return None

    def look(self) -> None:
        """Follows what the writer did, and wakes it if something waits. psycopg.Error if the primary is away."""
        self._look(is_for_search=False)

    def _look(self, *, is_for_search: bool) -> None:
        with self._lock:
            began = time.monotonic()
            if self._folder is None:
                return
            self._read_state(self._folder)
            try:
                with self._database.connection(from_primary=True) as connection:
                    seen = look(connection, self._state, most_rows=MOST_ROWS)
                    # The writer will index these texts: only a search cannot wait for it.
                    fresh = self._fresh.texts(connection, seen.newest) if is_for_search and seen.allows(self._state) else None
            except psycopg.Error:
                self._failed_at = time.monotonic()
                raise
            self._failed_at = float("-inf")
            # A search that waits must not take what was not made for one.
            self._seen, self._looked_at = seen, began if is_for_search else float("-inf")
            if seen.allows(self._state):
                self._follow(self._folder)
            else:
                self._drop()
            self._view = self._view_of(seen, fresh)
            if self.writer is not None:
                if self._is_to_be_written(seen):
                    self.writer.wake()
                else:
                    self.writer.reap()

    def _view_of(self, seen: Look, fresh: FreshTexts | None) -> View | None:
        if self._searcher is None or self._sessions is None or self._state is None:
            return None
        pending = seen.rows_behind
        if fresh is not None:
            pending = max(pending - sum(len(note.keys) for note in seen.newest), 0) + fresh.left_out
        return View(
            searcher=self._searcher,
            sessions=self._sessions,
            fresh=fresh.searcher if fresh is not None else None,
            stale=fresh.stale if fresh is not None else None,
            pending=pending,
            is_current=True,
            is_whole=not self._state.tables,
            left=texts_left(self._state.tables, self._state.after),
            may_show_words=self._state.purged == seen.purged,
        )

    def _is_to_be_written(self, seen: Look) -> bool:
        state = self._state
        if state is None or not seen.allows(state):
            return True
        return bool(state.tables or state.waiting or seen.rows_behind or state.purged != seen.purged)

    def waiting(self, connection: Connection) -> int:
        """Counts the sessions that this connection sees and that are not in the index as they are. psycopg.Error if Postgres is away."""
        waiting = self._waiting()
        if waiting is not None and not waiting:
            return 0
        found: int = one_row(connection, _VISIBLE_SESSIONS, {"session_ids": None if waiting is None else list(waiting)})["waiting"]
        return found

    def is_settled(self) -> bool:
        """True if it is whole, as of the last look."""
        return self._folder is None or (self._searcher is not None and self._seen is not None and not self._is_to_be_written(self._seen))

    def purged(self) -> int:
        """The newest purge before which no text is in any file. 0 while that is not known."""
        state = self._state
        return state.purged if state is not None and self._folder is not None and not self._folder.leftovers() else 0

    def lag(self) -> Lag:
        """As the last look saw it."""
        state, seen = self._state, self._seen
        since = seen.behind_since if seen is not None else None
        return Lag(
            texts=seen.rows_behind if seen is not None else 0,
            sessions=len(self._waiting() or ()),
            oldest_seconds=max(time.time() - since, 0.0) if since is not None else 0.0,
            is_whole=state is not None and not state.tables,
        )

    def _waiting(self) -> set[str] | None:
        """None: all."""
        # Without the lock, which a look that hangs would hold.
        state, seen = self._state, self._seen
        if state is None or seen is None or state.tables or not seen.allows(state):
            return None
        return {*state.waiting, *(session_id for note in seen.newest for session_id in note.session_ids)}

    def close(self) -> None:
        """Ends the writer, and drops the files."""
        if self.writer is not None:
            self.writer.stop()
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        self._open = self._searcher = self._sessions = self._view = None

    def _read_state(self, folder: Folder) -> None:
        stamp = folder.stamp()
        if stamp is None or stamp != self._stamp or self._state is None:
            state = folder.state()
            # Before it is told how far the folder is purged.
            if state is None or (self._open is not None and self._open[0] != state.index):
                self._drop()
            self._stamp, self._state = stamp, state

    def _follow(self, folder: Folder) -> None:
        """Opens the index, or what was committed since."""
        assert self._state is not None
        name = self._state.index
        try:
            if self._open is None:
                texts, sessions = open_index(str(folder.index_path(name))), open_index(str(folder.sessions_path(name)))
                for index in (texts, sessions):
                    # It is asked to reload below: a thread of tantivy would look at the folder twice a second.
                    index.config_reader("manual")
                self._open, self._loaded = (name, texts, sessions), None
            if self._loaded != self._stamp:
                _, texts, sessions = self._open
                texts.reload()
                sessions.reload()
                self._searcher, self._sessions, self._loaded = texts.searcher(), sessions.searcher(), self._stamp
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
            self._drop()
            if isinstance(error, (ValueError, OSError)):
                self._follow(self._folder)
            else:
                self._drop_damaged(self._folder, name, error)
            return self._searcher is None

    def _drop_damaged(self, folder: Folder, name: str, error: BaseException) -> None:
        self._drop()
        state = folder.state()
        # The writer may have made it anew just now.
        if state is not None and state.index == name:
            log.warning("search_index_damaged", error=str(error))
            folder.mark_damaged(name)
        self._state = None


def _is_of_tantivy(error: BaseException) -> bool:
    """Its panics have a class that cannot be named."""
    return isinstance(error, (ValueError, OSError)) or type(error).__name__ == "PanicException"
