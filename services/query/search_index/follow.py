"""The one writer of an index: it brings into it what changed in Postgres, until nothing waits.

It may be killed at any time. The state is saved after each commit of tantivy, so what is in the index may be written again, and nothing is left out. A
text or a session is taken out before it is written. Transactions commit in another order than they begin: a snapshot tells which of them were seen
(docs/explanation/search-index.md).
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import structlog
from msgspec.structs import replace
from psycopg.errors import QueryCanceled
from tantivy import Index, IndexWriter

from services.query.search_index.documents.backfill import TABLES, page_of
from services.query.search_index.documents.row_documents import DocumentKind, row_documents
from services.query.search_index.documents.session_texts import session_document
from services.query.search_index.documents.text_documents import delete_text, id_of, text_document
from services.query.search_index.folder import Folder, State
from services.query.search_index.look import Look, Note, first_notes, look
from services.query.search_index.words.fields import SESSION_ID, VERSION, open_index

log = structlog.get_logger()

Connection = psycopg.Connection[Any]
# The least that tantivy takes, and what it takes while all rows are read: merging small segments would take as long as writing them.
HEAP_BYTES: Final = 15_000_000
FIRST_HEAP_BYTES: Final = 60_000_000
COMMIT_SECONDS: Final = 1.0
FIRST_COMMIT_SECONDS: Final = 3.0
# Rows of the notes of one commit.
_NOTED_ROWS: Final = 4_000
# Rows that are read together: what they have is in memory.
_ROWS: Final = 256
_MOST_SESSIONS: Final = 500
# A session that changes all the time is made again so much later than that took, and no later than this.
_REST: Final = 20
_MOST_REST_SECONDS: Final = 10.0
# Texts come first, but an import may bring them for minutes.
_LONGEST_WITHOUT_SESSIONS: Final = 5.0


class IndexDamaged(Exception):
    """Tantivy cannot read or write its files. The next writer makes them anew."""


class Follower:
    """Writes one index, and the one that is to replace it. Its connection must see each transaction as one moment (REPEATABLE READ)."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        # One for texts and one for sessions, by their folder.
        self._writers: dict[Path, IndexWriter] = {}
        self._written = ""
        self._uncommitted: set[Path] = set()
        # The index that was empty when this process began with it.
        self._made = ""
        # When sessions were written last, and when those that were may be made again.
        self._sessions_at = time.monotonic()
        self._rested_at: dict[str, float] = {}

    def catch_up(self, connection: Connection, is_told_to_stop: Callable[[], bool]) -> float | None:
        """Returns when nothing waits; seconds if sessions wait that were made just now. psycopg.Error if Postgres is away, IndexDamaged if the files are
        of no use."""
        started, self._counts = time.monotonic(), defaultdict[str, int](int)
        try:
            while not is_told_to_stop():
                state, seen = self._current(connection)
                due = self._due(state)
                if state.tables:
                    self._read_table(connection, state)
                elif due and time.monotonic() > self._sessions_at + _LONGEST_WITHOUT_SESSIONS:
                    self._write_sessions(connection, state, due)
                elif self._apply_notes(connection, state, seen):
                    continue
                elif due:
                    self._write_sessions(connection, state, due)
                elif self._folder.next_state() is not None:
                    self.close()
                    self._folder.replace()
                else:
                    return self._rest(state)
        except psycopg.Error:
            # All that was written and not committed will be written again.
            self._made = ""
            raise
        finally:
            if self._counts:
                log.info("search_index_followed", seconds=round(time.monotonic() - started, 3), **self._counts)
        return None

    def close(self) -> None:
        """Waits for what tantivy does in the background."""
        writers, self._writers = self._writers, {}
        self._uncommitted.clear()
        for writer in writers.values():
            with _damage(self._folder, self._written):
                writer.wait_merging_threads()

    def _current(self, connection: Connection) -> tuple[State, Look]:
        """The state of the index that is to be written, which is a new one if the one that is there is of no use, or has not been purged."""
        state = self._folder.next_state() or self._folder.state()
        with connection.transaction():
            seen = look(connection, state, most_rows=0)
        if state is None or not seen.allows(state):
            self.close()
            self._folder.clear()
            state = self._new_index(seen)
            self._folder.save(state)
        elif state.purged != seen.purged:
            self.close()
            state = self._new_index(seen)
            # While it is made, the other one answers.
            self._folder.save_next(state)
        elif not self._writers:
            self._folder.delete_leftovers()
        return state, seen

    def _new_index(self, seen: Look) -> State:
        index = self._folder.new_index()
        with _damage(self._folder, index):
            for path in (self._folder.index_path(index), self._folder.sessions_path(index)):
                open_index(str(path))
        self._made = index
        log.info("search_index_made_anew", purged=seen.purged)
        return State(VERSION, seen.database, seen.purged, index, seen.snapshot, tables=list(TABLES))

    def _save(self, state: State) -> None:
        if (next_state := self._folder.next_state()) is not None and next_state.index == state.index:
            self._folder.save_next(state)
        else:
            self._folder.save(state)

    def _commit(self, state: State) -> None:
        with _damage(self._folder, state.index):
            for path in self._uncommitted:
                self._writers[path].commit()
        self._uncommitted.clear()

    def _read_table(self, connection: Connection, state: State) -> None:
        """Some of the rows of the first table that is left, in one commit."""
        table, after = state.tables[0], state.after
        kind, until = TABLES[table], time.monotonic() + FIRST_COMMIT_SECONDS
        while True:
            with connection.transaction():
                page = page_of(connection, table, after, _ROWS)
                self._write_texts(connection, state, kind, page.keys)
            if kind == "session":
                for session_id in page.keys:
                    self._write_session(connection, state, session_id)
            after = page.after
            if not after or time.monotonic() > until:
                break
        self._commit(state)
        tables = state.tables if after else state.tables[1:]
        if not tables:
            self.close()
        self._save(replace(state, tables=tables, after=after))

    def _apply_notes(self, connection: Connection, state: State, seen: Look) -> bool:
        """Writes the texts of the next notes, in one commit. False without any."""
        target = state.target or seen.snapshot
        with connection.transaction():
            notes, are_all = first_notes(connection, state, target, _NOTED_ROWS)
        if not notes and state.target is None:
            if _is_settled_by(state.snapshot, target):
                self._save(replace(state, snapshot=target))
            return False
        for kind, keys in _keys_by_kind(notes).items():
            for start in range(0, len(keys), _ROWS):
                with connection.transaction():
                    self._write_texts(connection, state, kind, keys[start : start + _ROWS])
        changed = dict.fromkeys(session_id for note in reversed(notes) for session_id in note.session_ids)
        state = replace(state, waiting=[*changed, *(session_id for session_id in state.waiting if session_id not in changed)])
        self._commit(state)
        self._save(
            replace(state, snapshot=target, target=None, done=0) if are_all else replace(state, target=target, done=notes[-1].number)
        )
        return True

    def _write_texts(self, connection: Connection, state: State, kind: DocumentKind, keys: Sequence[str]) -> None:
        """The rows as they are now, in place of what the index has of them."""
        documents = [text_document(row) for row in row_documents(connection, kind, keys)]
        with _damage(self._folder, state.index):
            writer = self._writer_of(state, self._folder.index_path(state.index))
            # In an index that this process has begun there is nothing of a row that is read for the first time.
            if not (state.tables and self._made == state.index):
                for key in keys:
                    delete_text(writer, kind, id_of(kind, key))
            for document in documents:
                writer.add_document(document)
        self._counts["texts"] += len(documents)

    def _due(self, state: State) -> list[str]:
        now = time.monotonic()
        return [session_id for session_id in state.waiting if self._rested_at.get(session_id, 0.0) <= now][:_MOST_SESSIONS]

    def _rest(self, state: State) -> float | None:
        """Seconds until a session that waits is due."""
        now = time.monotonic()
        self._rested_at = {session_id: at for session_id, at in self._rested_at.items() if at > now}
        return min((self._rested_at.get(session_id, now) - now for session_id in state.waiting), default=None)

    def _write_sessions(self, connection: Connection, state: State, due: Sequence[str]) -> None:
        """Some of the sessions that are due, in one commit."""
        until, done = time.monotonic() + COMMIT_SECONDS, set[str]()
        for session_id in due:
            try:
                self._write_session(connection, state, session_id)
            except QueryCanceled:
                # It takes too long, now at least. The others need not wait for it.
                self._rested_at[session_id] = time.monotonic() + _MOST_REST_SECONDS
                raise
            done.add(session_id)
            if time.monotonic() > until:
                break
        self._commit(state)
        self._save(replace(state, waiting=[session_id for session_id in state.waiting if session_id not in done]))
        self._sessions_at = time.monotonic()

    def _write_session(self, connection: Connection, state: State, session_id: str) -> None:
        began = time.monotonic()
        with connection.transaction():
            document = session_document(connection, session_id)
        with _damage(self._folder, state.index):
            writer = self._writer_of(state, self._folder.sessions_path(state.index))
            writer.delete_documents_by_term(SESSION_ID, session_id)
            if document is not None:
                writer.add_document(document)
        ended = time.monotonic()
        self._rested_at[session_id] = ended + min(_REST * (ended - began), _MOST_REST_SECONDS)
        self._counts["sessions"] += 1

    def _writer_of(self, state: State, path: Path) -> IndexWriter:
        """The writer of one of the folders of an index. The next commit is of it too."""
        if path not in self._writers:
            opened: Index = open_index(str(path))
            self._writers[path] = opened.writer(FIRST_HEAP_BYTES if state.tables else HEAP_BYTES, 1)
        self._written = state.index
        self._uncommitted.add(path)
        return self._writers[path]


def _keys_by_kind(notes: Iterable[Note]) -> dict[DocumentKind, list[str]]:
    """Each once."""
    keys: defaultdict[DocumentKind, dict[str, None]] = defaultdict(dict)
    for note in notes:
        keys[note.kind] |= dict.fromkeys(note.keys)
    return {kind: list(of_kind) for kind, of_kind in keys.items()}


def _is_settled_by(snapshot: str, later: str) -> bool:
    """True if transactions were open in a snapshot that have ended in the later one. Else notes behind them could go, and the index were taken for too old."""
    (xmin, xmax), (later_xmin, _) = ((int(number) for number in each.split(":")[:2]) for each in (snapshot, later))
    return xmin < xmax <= later_xmin


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
