"""The time that a fault test takes: short, as in `make faults`, or long; and limits, each stretched by the load per processor.

A fault must be recovered from within a time. On a busy machine the same work takes longer, which is not the product's fault.
So a limit holds as it is written where each process finds a processor free, and is multiplied by the number of processes per processor where not.
"""

import os
import time
from collections.abc import Callable

from tests.skips import needs

LOOK_SECONDS = 0.02


def is_long() -> bool:
    """Whether minutes and gigabytes are wanted."""
    return os.environ.get("TRACKER_FAULTS") == "long"


long_only = needs("time")


def stretch() -> float:
    """How many runnable processes there were per processor in the last minute; at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def stretched(seconds: float) -> float:
    """The limit, in seconds, as the machine is now."""
    return seconds * stretch()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Polls `condition` until it holds. False if it did not within the stretched limit."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > stretched(seconds):
            return False
        time.sleep(LOOK_SECONDS)
    return True
