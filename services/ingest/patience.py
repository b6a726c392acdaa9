"""How long a request waits for Redis and Postgres before it is refused: all of its steps together, not each, so that a 503 comes within about a second.

Only the waiting counts, so that a large body may take its time to be decoded and redacted.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

SECONDS: Final = 0.9
# What a step has even when nothing is left: a server that answers at once is asked in vain by nobody.
LEAST_SECONDS: Final = 0.1

# A list of one number, since a task that a request starts has a copy of its context. None: each step may wait for itself.
_left: ContextVar[list[float] | None] = ContextVar("left", default=None)


def begin() -> None:
    """From here on the steps of this request share their time."""
    _left.set([SECONDS])


def end() -> None:
    """What comes now waits for something else: the request has its answer."""
    _left.set(None)


def left() -> float:
    """How long the next step may wait."""
    of_request = _left.get()
    return SECONDS if of_request is None else max(of_request[0], LEAST_SECONDS)


@contextmanager
def waiting() -> Iterator[float]:
    """A step: gives how long it may wait, and takes off how long it did."""
    started = time.monotonic()
    try:
        yield left()
    finally:
        if (of_request := _left.get()) is not None:
            of_request[0] -= time.monotonic() - started
