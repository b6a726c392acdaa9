"""The writer of an index as the query service starts it: a process of its own, at a low priority, which ends when nothing waits."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import structlog

from services.query.search_index.folder import Folder

log = structlog.get_logger()

STOP_SECONDS: Final = 5.0
# After a writer that failed, the next one waits; longer with each that fails.
FIRST_DELAY_SECONDS: Final = 2.0
LONGEST_DELAY_SECONDS: Final = 60.0
_ROOT: Final = Path(__file__).parents[3]


class WriterProcess:
    """At most one process. Any thread may call it."""

    def __init__(self, folder: Folder, database_url: str, log_level: str) -> None:
        self._folder = folder
        self._environment = {"TRACKER_DATABASE_URL": database_url, "TRACKER_LOG_LEVEL": log_level}
        self._process: subprocess.Popen[bytes] | None = None
        self._failures, self._not_before = 0, 0.0
        self._is_over = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """While it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def wake(self) -> None:
        """Something waits: tells the process, or starts one."""
        with self._lock:
            if self._process is not None and self._is_running():
                _tell(self._process)
            elif not self._is_over and time.monotonic() >= self._not_before:
                try:
                    self._start()
                except OSError as error:
                    # There is no memory, or no process, left.
                    log.warning("search_index_writer_not_started", error=str(error))
                    self._ended(1)

    def reap(self) -> None:
        """Takes note of a process that has ended."""
        with self._lock:
            self._is_running()

    def stop(self) -> None:
        """Ends it, for good. That does no harm at any time."""
        with self._lock:
            self._is_over = True
            if (process := self._process) is None:
                return
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self._ended(0)

    def _is_running(self) -> bool:
        if self._process is None:
            return False
        code = self._process.poll()
        if code is not None:
            self._ended(code)
        return code is None

    def _ended(self, code: int) -> None:
        if self._process is not None:
            with suppress(OSError):
                _input_of(self._process).close()
        self._process = None
        self._failures = self._failures + 1 if code else 0
        if code:
            delay = min(FIRST_DELAY_SECONDS * 2 ** (self._failures - 1), LONGEST_DELAY_SECONDS)
            self._not_before = time.monotonic() + delay
            log.warning("search_index_writer_failed", code=code, again_in_seconds=delay)

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __package__, str(self._folder.path)],
            stdin=subprocess.PIPE,
            cwd=_ROOT,
            env=os.environ | self._environment,
            # It gives way to all sessions of the machine, and a terminal's Ctrl-C is for the query service.
            start_new_session=True,
        )
        os.set_blocking(_input_of(self._process).fileno(), False)


def _input_of(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def _tell(process: "subprocess.Popen[bytes]") -> None:
    # It has ended just now, or has been told often enough.
    with suppress(OSError):
        os.write(_input_of(process).fileno(), b"\n")
