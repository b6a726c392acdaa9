"""The redacted content of a transcript on its way from an import into the archive: put while the importer reads it.

One thread of the shard cuts and packs, in the order of the file; some others wait for the store. Most of that leaves the interpreter's lock to the
reader: hashing, compressing, writing.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import IO, Any, Final, NamedTuple, TypeVar

import msgspec

from services.worker.archive.segments import Segment, cut_place, packed
from shared.blobs.contents import ContentStore

# Of the file, given to the thread at once; and how far that may be behind the reader.
BLOCK_BYTES: Final = 256 * 1024
MAX_BLOCKS_BEHIND: Final = 16
# A disk and a bucket do several things at a time. A segment that waits has a fifth of a megabyte.
PUTS_AT_ONCE: Final = 4
MAX_PUTS_BEHIND: Final = 64
# A longer line is left empty, as the importer leaves it out (importers/formats/lines.py). So a reader's memory is bounded.
MAX_LINE_BYTES: Final = 32 * 1024 * 1024

T = TypeVar("T")


class ArchivedFile(NamedTuple):
    """A file that was read to its end. `size`: of the file; `session_id`: the first that its records name; `putting`: its segments, into the store."""

    size: int
    session_id: str | None
    segments: list[Segment]
    putting: "list[Future[None]]"


class Archiver:
    """The threads of a shard, and the store that they put into."""

    def __init__(self, store: ContentStore) -> None:
        self.store = store
        self._cutting = _BoundedThreads(1, MAX_BLOCKS_BEHIND)
        self._putting = _BoundedThreads(PUTS_AT_ONCE, MAX_PUTS_BEHIND)

    def cut(self, work: Callable[..., T], *arguments: Any) -> "Future[T]":
        """One at a time, in order. Waits while too many wait."""
        return self._cutting.submit(work, *arguments)

    def put(self, name: str, frame: bytes) -> "Future[None]":
        """Puts it soon."""
        return self._putting.submit(self.store.put, name, frame)

    def close(self) -> None:
        """Drops what is still to do: nothing refers to it."""
        self._cutting.close()
        self._putting.close()


class _BoundedThreads:
    def __init__(self, threads: int, most: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="archive")
        self._room = BoundedSemaphore(most)

    def submit(self, work: Callable[..., T], *arguments: Any) -> "Future[T]":
        self._room.acquire()
        future = self._threads.submit(work, *arguments)
        future.add_done_callback(lambda _: self._room.release())
        return future

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


@contextmanager
def archiver_of(store: ContentStore) -> Iterator[Archiver]:
    """An Archiver for the time of a shard."""
    archiver = Archiver(store)
    try:
        yield archiver
    finally:
        archiver.close()


class ImportedContent:
    """A redacted file that archives what is read from it. Reads forward only. `tell` gives how much of the original file is read."""

    def __init__(self, file: IO[bytes], tell: Callable[[], int], archiver: Archiver) -> None:
        self._file = file
        self._tell = tell
        self._archiver = archiver
        self._writer = _SegmentWriter(archiver)
        self._given: list[Future[None]] = []
        # What is read and not given to the thread yet. It begins with a line.
        self._block = bytearray()
        self._is_too_long = False

    def read(self, size: int = -1) -> bytes:
        """As of the file."""
        data = self._file.read(size)
        self._add(data)
        return data

    def finished(self) -> "Future[ArchivedFile]":
        """To be called at the end of the file."""
        if self._block:
            self._give(len(self._block))
        given, self._given = self._given, []
        return self._archiver.cut(self._writer.end, given, self._tell())

    def _add(self, data: bytes) -> None:
        if self._is_too_long:
            data = data[data.find(b"\n") :] if b"\n" in data else b""
            self._is_too_long = not data
        last_end = data.rfind(b"\n") + 1
        if last_end == len(data) and data and not self._block:
            # Whole lines, as a redacted file gives them: they need not be copied.
            self._give_block(data)
            return
        self._block += data
        if last_end and len(self._block) >= BLOCK_BYTES:
            self._give(len(self._block) - len(data) + last_end)
        elif len(self._block) > MAX_LINE_BYTES:
            start = self._block.rfind(b"\n") + 1
            if len(self._block) - start > MAX_LINE_BYTES:
                del self._block[start:]
                self._is_too_long = True

    def _give(self, size: int) -> None:
        block = bytes(memoryview(self._block)[:size])
        del self._block[:size]
        self._give_block(block)

    def _give_block(self, block: bytes) -> None:
        self._given.append(self._archiver.cut(self._writer.add, block, self._tell() - len(self._block)))


class _SegmentWriter:
    """Whole lines in, segments out; used by the thread that cuts."""

    def __init__(self, archiver: Archiver) -> None:
        self._archiver = archiver
        self._content = bytearray()
        self._session_id: str | None = None
        self._segments: list[Segment] = []
        self._putting: list[Future[None]] = []

    def add(self, block: bytes, offset: int) -> None:
        """`offset`: of the block's end in the file."""
        if self._session_id is None:
            self._session_id = first_session_in(block)
        self._content += block
        while (end := cut_place(self._content)) is not None:
            self._put(end, offset)

    def end(self, given: "list[Future[None]]", size: int) -> ArchivedFile:
        """`given`: what add() was called with before, which raises if that did."""
        for done in given:
            done.result()
        if self._content:
            self._put(len(self._content), size)
        return ArchivedFile(size, self._session_id, self._segments, self._putting)

    def _put(self, end: int, offset: int) -> None:
        content = bytes(memoryview(self._content)[:end])
        del self._content[:end]
        digest, frame = packed(content)
        self._putting.append(self._archiver.put(digest.hex(), frame))
        # Exact only at the file's end: what is left of the content may have had another length before it was redacted.
        self._segments.append(Segment(max(offset - len(self._content), 0), digest, end, len(frame)))


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
