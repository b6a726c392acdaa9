"""The least that a worker gets of a busy machine, if it gives way to everything else (deploy/embedded/supervision/processes.py).

Beside twenty busy programs, work at a low priority would get a hundredth of a processor, and an import would not end. A worker that gets less than
LEAST of the time that it asks for is shared like the others until it gets ENOUGH.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog

from services.worker.processor_time import PROC, processor_time

log = structlog.get_logger()

LEAST: Final = 0.1
ENOUGH: Final = 0.5
# A worker that asks for less between two looks has nothing to do.
_ASKED_SECONDS: Final = 1.0


class LeastShare:
    """Compares two looks. Linux lets a process move the share of its session between none and what it has given up."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._gives_way = True
        self._ran: dict[int, float] = {}
        self._waited: dict[int, float] = {}

    def look(self, pids: Iterable[int]) -> None:
        """`pids`: the processes that do the work."""
        times = {pid: processor_time(pid, self._proc) for pid in pids}
        ran = sum(max(0.0, time.ran_seconds - self._ran.get(pid, 0.0)) for pid, time in times.items())
        waited = sum(max(0.0, time.waited_seconds - self._waited.get(pid, 0.0)) for pid, time in times.items())
        self._ran = {pid: time.ran_seconds for pid, time in times.items()}
        self._waited = {pid: time.waited_seconds for pid, time in times.items()}
        if ran + waited < _ASKED_SECONDS:
            return
        share = ran / (ran + waited)
        if self._gives_way and share < LEAST:
            self._give_way(False, share)
        elif not self._gives_way and share > ENOUGH:
            self._give_way(True, share)

    def _give_way(self, gives_way: bool, share: float) -> None:
        niceness = os.getpriority(os.PRIO_PROCESS, 0)
        if niceness <= 0:
            # This worker never gave way.
            return
        try:
            (self._proc / "self/autogroup").write_text(str(niceness if gives_way else 0))
        except OSError:
            # Linux takes a change each 0.1 s, and none where processes are not shared by session.
            return
        self._gives_way = gives_way
        log.info("worker_gives_way" if gives_way else "worker_takes_its_share", share_percent=round(share * 100))
