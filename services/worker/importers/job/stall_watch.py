"""Whether reading gets anywhere. A parser that stands still cannot be interrupted from within: its process has to end, and the next one begins anew.

The pool makes a new process for one that ended. What was stored is stored, and the share is another's or has failed, so nothing waits for it.
"""

import faulthandler
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NoReturn, TypeVar

import structlog

log = structlog.get_logger()

# Neither a byte was read nor a record made: a job has failed by then.
STALL_SECONDS = 60.0
# No Python has run at all, since C code holds the interpreter's lock. Longer than a lease, so that another worker has the share by then.
FROZEN_SECONDS = 30.0
# A process whose share is not its own any more.
NEEDLESS_SECONDS = 5.0
_STDERR = 2

T = TypeVar("T")


class StallWatch:
    """Told of every move by the thread that reads; asked by the thread that renews the lease."""

    def __init__(self, stall_seconds: float = STALL_SECONDS, frozen_seconds: float = FROZEN_SECONDS) -> None:
        self.stall_seconds = stall_seconds
        self._frozen_seconds = frozen_seconds
        # None: nothing is being read. Postgres may be waited for as long as it takes.
        self._moved_at: float | None = None

    def moved(self) -> None:
        """A byte was read, or a record made."""
        self._moved_at = time.monotonic()

    def watched(self, items: Iterator[T]) -> Iterator[T]:
        """The same items, each of which has to be made in time."""
        end = object()
        while True:
            self.moved()
            try:
                item = next(items, end)
            finally:
                self._moved_at = None
            if item is end:
                return
            yield item  # type: ignore[misc]

    @property
    def still_seconds(self) -> float:
        """How long reading has stood still; 0 while nothing is read."""
        moved_at = self._moved_at
        return 0.0 if moved_at is None else time.monotonic() - moved_at

    def alive(self) -> None:
        """Python runs. If this is not said again in time, the process ends: a timer in C needs no lock of the interpreter."""
        faulthandler.dump_traceback_later(self._frozen_seconds, exit=True, file=_STDERR)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Has the process end if it freezes within the block."""
        self.alive()
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


class WatchedFile:
    """A file that tells of every byte that is read."""

    def __init__(self, file: IO[bytes], watch: StallWatch) -> None:
        self._file = file
        self._watch = watch

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        data = self._file.read(size)
        if data:
            self._watch.moved()
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of a file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """As of a file."""
        return self._file.seekable()


def end_process(reason: str) -> NoReturn:
    """At once, whatever other threads do."""
    log.error("import_process_ended", reason=reason)
    faulthandler.dump_traceback(file=_STDERR, all_threads=True)
    os._exit(1)
