"""How long a request waits for Redis and Postgres before it is refused: all of its steps together, not each, so that a 503 comes within about a second.

Only the waiting counts, so that a large body may take its time to be decoded and redacted.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Final

SECONDS: Final = 0.9
# What a step has even when nothing is left: a server that answers at once is asked in vain by nobody.
LEAST_SECONDS: Final = 0.2
# Waiting is counted in steps. When a crowd keeps this process from its own work for a second, the server may have answered long ago.
STEP_SECONDS: Final = 0.1

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


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """`asyncio.timeout`, but a time in which this process itself stood still counts as one step."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:
        steps = max(round(seconds / STEP_SECONDS), 1)
        timer: asyncio.TimerHandle

        def step() -> None:
            nonlocal steps, timer
            steps -= 1
            if steps > 0:
                timer = loop.call_later(STEP_SECONDS, step)
            else:
                timeout.reschedule(loop.time())

        timer = loop.call_later(STEP_SECONDS, step)
        try:
            yield
        finally:
            timer.cancel()


async def wait_within(task: "asyncio.Task[Any]", seconds: float) -> None:
    """Returns when the task is done or the time is over, counted in the same way. It does not cancel the task."""
    for _ in range(max(round(seconds / STEP_SECONDS), 1)):
        await asyncio.wait({task}, timeout=STEP_SECONDS)
        if task.done():
            break


@contextmanager
def waiting() -> Iterator[float]:
    """A step: gives how long it may wait, and takes off how long it did."""
    started = time.monotonic()
    try:
        yield left()
    finally:
        if (of_request := _left.get()) is not None:
            of_request[0] -= time.monotonic() - started
