"""The redacted content of a transcript on its way from an import into the archive: put while the importer reads it.

The reader cuts and packs it, without the interpreter's lock for most of that time; other threads wait for the store. A thread of its own for
cutting was slower: it and the reader took the lock from each other all the time.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import IO, Final, NamedTuple

import msgspec

from services.worker.archive.segments import SEGMENT_BYTES, Segment, cut_place, packed
from shared.blobs.contents import ContentStore

# A disk and a bucket do several things at a time. A segment that waits has a fifth of a megabyte.
PUTS_AT_ONCE: Final = 4
MAX_PUTS_BEHIND: Final = 64
# A longer line is left empty, as the importer leaves it out (importers/formats/json_lines.py). So a reader's memory is bounded.
MAX_LINE_BYTES: Final = 32 * 1024 * 1024


class Archiver:
    """The threads of a shard that put contents into the store."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(PUTS_AT_ONCE, thread_name_prefix="archive")
        self._room = BoundedSemaphore(MAX_PUTS_BEHIND)

    def put(self, name: str, frame: bytes) -> "Future[None]":
        """Puts it soon. Waits while too many wait."""
        self._room.acquire()
        future = self._threads.submit(self._store.put, name, frame)
        future.add_done_callback(lambda _: self._room.release())
        return future

    def close(self) -> None:
        """Drops what is not put yet: no row refers to it."""
        self._threads.shutdown(cancel_futures=True)


@contextmanager
def archiver_of(store: ContentStore) -> Iterator[Archiver]:
    """An Archiver for the time of a shard."""
    archiver = Archiver(store)
    try:
        yield archiver
    finally:
        archiver.close()


class ArchivedFile(NamedTuple):
    """A file that was read to its end. `size`: of the file; `session_id`: the first that its records name; `putting`: its segments, into the store."""

    size: int
    session_id: str | None
    segments: list[Segment]
    putting: "list[Future[None]]"


class ImportedContent:
    """A redacted file that archives what is read from it. Reads forward only. `tell` gives how much of the original file is read."""

    def __init__(self, file: IO[bytes], tell: Callable[[], int], archiver: Archiver) -> None:
        self._file = file
        self._tell = tell
        self._archiver = archiver
        # The bytes that are read and not in a segment yet. It begins with a line; how much of it is whole lines.
        self._content = bytearray()
        self._whole = 0
        self._is_too_long = False
        self._session_id: str | None = None
        self._segments: list[Segment] = []
        self._putting: list[Future[None]] = []

    def read(self, size: int = -1) -> bytes:
        """As the file's own read()."""
        data = self._file.read(size)
        self._add(data)
        return data

    def finished(self) -> ArchivedFile:
        """To be called at the end of the file: archives the rest."""
        self._look_for_session(len(self._content))
        if self._content:
            self._put(len(self._content))
        return ArchivedFile(self._tell(), self._session_id, self._segments, self._putting)

    def _add(self, data: bytes) -> None:
        if self._is_too_long:
            data = data[data.find(b"\n") :] if b"\n" in data else b""
            self._is_too_long = not data
        if last_end := data.rfind(b"\n") + 1:
            whole = len(self._content) + last_end
            self._content += data
            self._look_for_session(whole)
            self._whole = whole
            while self._whole >= SEGMENT_BYTES and (end := cut_place(self._content)) is not None:
                self._put(end)
            return
        self._content += data
        if len(self._content) - self._whole > MAX_LINE_BYTES:
            del self._content[self._whole :]
            self._is_too_long = True

    def _look_for_session(self, end: int) -> None:
        if self._session_id is None:
            with memoryview(self._content) as content:
                self._session_id = first_session_in(bytes(content[self._whole : end]))

    def _put(self, end: int) -> None:
        content: bytes | bytearray = self._content
        if end == len(content):
            # No copy: one line may be the whole of it, and long.
            self._content = bytearray()
        else:
            content = content[:end]
            del self._content[:end]
        self._whole = max(self._whole - end, 0)
        digest, frame = packed(content)
        self._putting.append(self._archiver.put(digest.hex(), frame))
        # Exact only at the file's end: what is left of the content may have had another length before it was redacted.
        self._segments.append(Segment(max(self._tell() - len(self._content), 0), digest, end, len(frame)))


class _OfSession(msgspec.Struct):
    session_id: str = msgspec.field(default="", name="sessionId")


_of_session = msgspec.json.Decoder(_OfSession)


def first_session_in(block: bytes) -> str | None:
    """The session that the first of a block's records names."""
    for line in block.split(b"\n"):
        try:
            session_id = _of_session.decode(line).session_id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if session_id:
            return session_id
    return None
