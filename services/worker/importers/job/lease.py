"""The lease of a shard: renewed by a thread while its worker lives and reading gets on.

Finding the checkpoint again in a large archive may take longer than a lease. The same thread watches whether reading is stuck. Then the
shard has failed and the process ends: a parser that is stuck cannot be interrupted from within. The pool starts a new process for it, and
nothing is lost, since what was stored is stored.
"""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, NoReturn, TypeVar

import psycopg
import structlog

from services.worker.importers.job import shards
from services.worker.importers.job.shards import Shard
from services.worker.processor_time import PROC, processor_time
from services.worker.row_lease import LEASE_SECONDS
from shared.database import connect_options

log = structlog.get_logger()

RENEW_SECONDS = LEASE_SECONDS / 3
# Without a byte read or a record made for so long, the job has failed. Time in which the process waits for a processor does not count.
STALL_SECONDS = 60.0
# When the process has used so much of a processor without running its other threads, since C code holds the interpreter's lock, it ends. Longer than
# a lease, so that another worker has the shard by then.
FROZEN_CPU_SECONDS = 30.0
# The same by the clock, for code that holds the lock and waits.
FROZEN_SECONDS = 900.0
# A process that hangs for so long ends if it has lost its shard.
NEEDLESS_SECONDS = 5.0
_STDERR = 2

T = TypeVar("T")


class _Look(NamedTuple):
    """The seconds that the last call of StallWatch.still_seconds found."""

    moved_at: float | None
    at: float
    waited_seconds: float
    still_seconds: float


class StallWatch:
    """Told of every move by the thread that reads, and asked by the thread that renews the lease."""

    def __init__(self, stall_seconds: float = STALL_SECONDS, frozen_cpu_seconds: float = FROZEN_CPU_SECONDS, proc: Path = PROC) -> None:
        self.stall_seconds = stall_seconds
        self._frozen_cpu_seconds = frozen_cpu_seconds
        self._proc = proc
        # None while nothing is being read: Postgres may take as long as it needs.
        self._moved_at: float | None = None
        self._looked = _Look(None, time.monotonic(), processor_time(proc=self._proc).waited_seconds, 0.0)

    def moved(self) -> None:
        """A byte was read, or a record made."""
        self._moved_at = time.monotonic()

    def watched(self, items: Iterator[T]) -> Iterator[T]:
        """The same items; each must be produced in time."""
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

    def still_seconds(self) -> float:
        """How long reading has stood still; 0 while nothing is read. Only what the process could have used since the last call is added."""
        before, now, waited = self._looked, time.monotonic(), processor_time(proc=self._proc).waited_seconds
        moved_at, still = self._moved_at, 0.0
        if moved_at is not None:
            usable = now - max(moved_at, before.at) - max(0.0, waited - before.waited_seconds)
            still = max(0.0, usable) + (before.still_seconds if moved_at == before.moved_at else 0.0)
        self._looked = _Look(moved_at, now, waited, still)
        return still

    def alive(self) -> None:
        """Confirms that Python runs. Without another call in time, a timer of the system ends the process; it needs no interpreter lock."""
        signal.setitimer(signal.ITIMER_PROF, self._frozen_cpu_seconds)
        faulthandler.dump_traceback_later(FROZEN_SECONDS, exit=True, file=_STDERR)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Ends the process if it freezes within the block. It says where it stood."""
        faulthandler.register(signal.SIGPROF, file=_STDERR, chain=True)
        self.alive()
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.unregister(signal.SIGPROF)
            faulthandler.cancel_dump_traceback_later()


class WatchedFile:
    """A file that notifies the watch of every byte read."""

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


@contextmanager
def renewed(database_url: str, shard: Shard, watch: StallWatch, renew_seconds: float = RENEW_SECONDS) -> Iterator[None]:
    """Renews the lease from a thread, on a connection of its own, until the block ends."""
    stopping = threading.Event()
    thread = threading.Thread(target=_renew_until, args=(stopping, renew_seconds, database_url, shard, watch), name="lease", daemon=True)
    with watch.guarded():
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def _renew_until(stopping: threading.Event, renew_seconds: float, database_url: str, shard: Shard, watch: StallWatch) -> None:
    while not stopping.wait(renew_seconds):
        watch.alive()
        try:
            _renew(database_url, shard, watch)
        except psycopg.OperationalError as error:
            # There is time for another try before the lease ends. Without it, the next chunk's transaction finds the lease lost.
            log.warning("lease_not_renewed", reason=type(error).__name__)


def _renew(database_url: str, shard: Shard, watch: StallWatch) -> None:
    still_seconds = watch.still_seconds()
    options = connect_options(statement_timeout_ms=2_000, lock_timeout_ms=2_000, read_only=False)
    with psycopg.connect(database_url, application_name="tracker-lease", **options) as connection:
        if still_seconds > watch.stall_seconds:
            shards.stop_stalled(connection, shard, round(still_seconds))
            is_ours = False
        else:
            is_ours = shards.renew(connection, shard)
    if not is_ours and still_seconds > min(NEEDLESS_SECONDS, watch.stall_seconds):
        end_process("reading stands still, and the shard has failed, was cancelled or is another worker's")


def end_process(reason: str) -> NoReturn:
    """Ends the process at once, without waiting for other threads."""
    log.error("import_process_ended", reason=reason)
    faulthandler.dump_traceback(file=_STDERR, all_threads=True)
    os._exit(1)
