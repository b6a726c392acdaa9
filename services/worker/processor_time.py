"""Time on a processor, and time spent waiting for one, as Linux counts both for each thread (/proc/PID/task/*/schedstat)."""

from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
_NANOSECONDS: Final = 1e9


class ProcessorTime(NamedTuple):
    """Since the threads began, in seconds. Both are 0 where the system does not count them."""

    ran_seconds: float
    waited_seconds: float


def processor_time(pid: int | str = "self", proc: Path = PROC) -> ProcessorTime:
    """The sums over the threads that the process has now. A thread that ends takes its part away."""
    ran = waited = 0
    for thread in (proc / f"{pid}/task").glob("*/schedstat"):
        try:
            counts = thread.read_text().split()
        except OSError:
            # The thread has ended since it was listed.
            continue
        ran += int(counts[0])
        waited += int(counts[1])
    return ProcessorTime(ran / _NANOSECONDS, waited / _NANOSECONDS)
