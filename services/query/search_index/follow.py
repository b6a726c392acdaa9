"""The one writer of an index: it brings into it what changed in Postgres, until nothing waits.

It may be killed at any time. The state is saved after each commit of tantivy, so a session that is in the index may be written again, and none is
left out. Transactions commit in another order than they begin: a snapshot tells which of them were seen (docs/explanation/search-index.md).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import structlog
from msgspec.structs import replace
from psycopg.errors import QueryCanceled
from tantivy import Document, Index, IndexWriter

from services.query.search_index.fields import SESSION_ID, VERSION, open_index
from services.query.search_index.folder import Folder, State
from services.query.search_index.look import Look, look
from services.query.search_index.session_texts import documents_of
from shared.sql_files import statement

log = structlog.get_logger()

Connection = psycopg.Connection[Any]
# The least that tantivy takes. More would only make larger segments.
HEAP_BYTES: Final = 15_000_000
COMMIT_SECONDS: Final = 1.0
# Sessions between two looks at the time.
_CHUNK: Final = 8
_MOST_OF_SLICE: Final = 500

_ALL_SESSIONS: Final = statement(__package__, "follow.sql", "all_sessions").encode()


class IndexDamaged(Exception):
    """Tantivy cannot read or write its files. The next writer makes them anew."""


class Follower:
    """Writes one index. Its connection must see each transaction as one moment (REPEATABLE READ)."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._writer: IndexWriter | None = None
        self._written = ""

    def catch_up(self, connection: Connection, is_told_to_stop: Callable[[], bool]) -> None:
        """Returns when nothing waits. psycopg.Error if Postgres is away, IndexDamaged if the files are of no use."""
        started, sessions = time.monotonic(), 0
        while not is_told_to_stop():
            state = self._noted(connection)
            if not state.waiting:
                break
            sessions += self._write_slice(connection, state)
        if sessions:
            log.info("sessions_indexed", sessions=sessions, seconds=round(time.monotonic() - started, 3))

    def close(self) -> None:
        """Waits for what tantivy does in the background."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with _damage(self._folder, self._written):
                writer.wait_merging_threads()

    def _noted(self, connection: Connection) -> State:
        """The state, in which all that changed waits; of a new index if the one that is there is of no use."""
        with connection.transaction():
            state = self._folder.state()
            seen = look(connection, state)
            if state is None or not seen.allows(state):
                all_sessions = [session_id for (session_id,) in connection.execute(_ALL_SESSIONS).fetchall()]
                return self._new_index(seen, all_sessions)
            if not seen.changed:
                return state
        known = frozenset(seen.changed)
        state = replace(state, snapshot=seen.snapshot, waiting=seen.changed + [each for each in state.waiting if each not in known])
        self._folder.save(state)
        return state

    def _new_index(self, seen: Look, session_ids: list[str]) -> State:
        self.close()
        index = self._folder.new_index()
        with _damage(self._folder, index):
            open_index(str(self._folder.index_path(index)))
        # Only now is the number of the purge said: the old files are gone.
        state = State(VERSION, seen.database, seen.purged, index, seen.snapshot, session_ids)
        self._folder.save(state)
        log.info("search_index_made_anew", sessions=len(session_ids), purged=seen.purged)
        return state

    def _write_slice(self, connection: Connection, state: State) -> int:
        """Some of the sessions that wait, in one commit. How many."""
        until, done = time.monotonic() + COMMIT_SECONDS, 0
        while done < min(len(state.waiting), _MOST_OF_SLICE) and time.monotonic() < until:
            chunk = state.waiting[done : done + _CHUNK]
            try:
                with connection.transaction():
                    self._write(state.index, chunk, documents_of(connection, chunk))
            except QueryCanceled:
                # It takes too long, now at least. The others need not wait for it.
                self._folder.save(replace(state, waiting=[*state.waiting[:done], *state.waiting[done + len(chunk) :], *chunk]))
                raise
            done += len(chunk)
        with _damage(self._folder, state.index):
            self._writer_of(state.index).commit()
        self._folder.save(replace(state, waiting=state.waiting[done:]))
        return done

    def _write(self, index: str, session_ids: list[str], documents: Iterator[tuple[str, Document]]) -> None:
        with _damage(self._folder, index):
            writer = self._writer_of(index)
            for session_id in session_ids:
                writer.delete_documents_by_term(SESSION_ID, session_id)
        for _, document in documents:
            with _damage(self._folder, index):
                writer.add_document(document)

    def _writer_of(self, index: str) -> IndexWriter:
        if self._writer is None:
            opened: Index = open_index(str(self._folder.index_path(index)))
            self._writer, self._written = opened.writer(HEAP_BYTES, 1), index
        return self._writer


@contextmanager
def _damage(folder: Folder, index: str) -> Iterator[None]:
    """Marks the index as damaged: no error of tantivy, a panic of its threads included, can be mended here."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, (ValueError, OSError)) or type(error).__name__ == "PanicException":
            folder.mark_damaged(index)
            raise IndexDamaged(str(error)) from error
        raise
