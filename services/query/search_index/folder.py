"""The folder of one query process' search index: of which database it is, how far it is, and how it is made anew.

All in it can be lost: it is derived from Postgres. Below TRACKER_SEARCH_FOLDER each process that runs has a place of its own, which it locks.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec
from msgspec import Struct

from services.query.search_index.words.fields import VERSION

_INDEX: Final = "index-"
# The states of the index that answers, and of the one that is made to replace it.
_STATE, _NEXT_STATE = "state.json", "next.json"
_DAMAGED, _HOST = "damaged", "host"
_PLACE_LOCK, _WRITER_LOCK = "lock", "writer.lock"
_MOST_PLACES: Final = 64
# A merge that was given up may write one more file into a folder that is deleted.
_DELETE_ATTEMPTS: Final = 5


class State(Struct, frozen=True):
    """The progress of an index: it has what the notes say that `snapshot` shows, but for tables and sessions that are left."""

    version: int
    # The database that it is of, and which of its histories.
    database: str
    # The number of the newest purge before which no text is in it.
    purged: int
    # The folder of tantivy's files.
    index: str
    # As pg_current_snapshot() says it.
    snapshot: str
    # The snapshot that is being reached: notes that it shows are done up to this number.
    target: str | None = None
    done: int = 0
    # Tables to be read as a whole, in this order, and the place behind which the first goes on.
    tables: list[str] = []
    after: list[str] = []
    # Sessions whose documents are to be made again, in this order.
    waiting: list[str] = []


class NoPlace(OSError):
    """The folder cannot be written, or all its places are taken."""


class Folder:
    """A process' place. It may be read at any time; its one writer (`writing`) may be killed at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> tuple[int, int] | None:
        """Changes with the state. None without a file."""
        try:
            found = (self.path / _STATE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def state(self) -> State | None:
        """None if there is no index, or one of another version of the tracker."""
        return self._read(_STATE)

    def next_state(self) -> State | None:
        """The same of the index that is to replace the one of `state`."""
        return self._read(_NEXT_STATE)

    def save(self, state: State) -> None:
        """Replaces the state at once."""
        self._write(_STATE, state)

    def save_next(self, state: State) -> None:
        """The same for the index that is to replace the other."""
        self._write(_NEXT_STATE, state)

    def replace(self) -> None:
        """The next index is the index from now on, and the files of the former are deleted. OSError if that fails."""
        (self.path / _NEXT_STATE).replace(self.path / _STATE)
        self.delete_leftovers()

    def leftovers(self) -> list[Path]:
        """Files of indexes of which no state tells."""
        known = {state.index for state in (self.state(), self.next_state()) if state is not None}
        return [left for left in self.path.glob(f"{_INDEX}*") if left.name not in known]

    def delete_leftovers(self) -> None:
        """OSError if that fails."""
        for left in self.leftovers():
            _delete(left)

    def _read(self, name: str) -> State | None:
        try:
            state = msgspec.json.decode((self.path / name).read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return None
        return state if state.version == VERSION and not self._is_damaged(state.index) else None

    def _write(self, name: str, state: State) -> None:
        written = self.path / f"{name}.new"
        with written.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        written.replace(self.path / name)

    def index_path(self, index: str) -> Path:
        """Tantivy's folder of the texts."""
        return self.path / index

    def sessions_path(self, index: str) -> Path:
        """That of the sessions."""
        return self.path / index / "sessions"

    def new_index(self) -> str:
        """The name of a new index."""
        index = f"{_INDEX}{uuid4().hex}"
        for path in (self.index_path(index), self.sessions_path(index)):
            path.mkdir(mode=0o700)
        return index

    def clear(self) -> None:
        """Deletes every index. OSError if that fails."""
        # First what says that there is one.
        for name in (_STATE, _NEXT_STATE, f"{_STATE}.new", f"{_NEXT_STATE}.new", _DAMAGED):
            (self.path / name).unlink(missing_ok=True)
        for left in self.path.glob(f"{_INDEX}*"):
            _delete(left)

    def clear_free_places(self) -> None:
        """Deletes indexes of processes that have ended. One that does not come back, say, of fewer replicas, would never purge its own. OSError if that
        fails."""
        for place in self.path.parent.iterdir():
            if place != self.path and place.name.isdecimal():
                with _locked(place / _PLACE_LOCK) as is_ours:
                    if is_ours:
                        Folder(place).clear()

    def mark_damaged(self, index: str) -> None:
        """From now on it is as if there was no index; the writer makes one anew."""
        with suppress(OSError):
            (self.path / _DAMAGED).write_text(index, encoding="utf-8")

    def host(self) -> str:
        """A random name, kept in the folder."""
        file = self.path / _HOST
        with suppress(OSError):
            if name := file.read_text(encoding="utf-8").strip():
                return name
        name = uuid4().hex
        with suppress(OSError):
            file.write_text(name, encoding="utf-8")
        return name

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """True if this process writes during the block; False if another does."""
        with _locked(self.path / _WRITER_LOCK) as is_ours:
            yield is_ours

    def _is_damaged(self, index: str) -> bool:
        try:
            return (self.path / _DAMAGED).read_text(encoding="utf-8") == index
        except OSError:
            return False


@contextmanager
def own_place(folder: Path) -> Iterator[Folder]:
    """The first place that no running process has, for the block. Indexes in places that no process uses are deleted. NoPlace if none can be had."""
    with ExitStack() as stack:
        try:
            own = _take_place(folder, stack)
            own.clear_free_places()
        except OSError as error:
            raise NoPlace(str(error)) from error
        yield own


def _take_place(folder: Path, stack: ExitStack) -> Folder:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(_MOST_PLACES):
        place = folder / str(number)
        place.mkdir(mode=0o700, exist_ok=True)
        if stack.enter_context(_locked(place / _PLACE_LOCK)):
            return Folder(place)
    raise NoPlace(f"{_MOST_PLACES} processes have a place in {folder}")


@contextmanager
def _locked(file: Path) -> Iterator[bool]:
    """True if the lock is held during the block. The kernel releases it when its process dies."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)


def _delete(folder: Path) -> None:
    for attempt in range(_DELETE_ATTEMPTS):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        except OSError:
            if attempt == _DELETE_ATTEMPTS - 1:
                raise
        else:
            return
