"""How long a request waits for Redis and Postgres, all steps together, so that a 503 comes within about a second.

Only the waiting counts, so that decoding and redacting a large body may take longer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Final

SECONDS: Final = 0.9
# A step has at least this, so that it does not fail while the server answers at once.
LEAST_SECONDS: Final = 0.2
# Waiting is counted in steps. If load keeps this process from its own work for a second, the server may have answered long ago.
STEP_SECONDS: Final = 0.1

# A list of one number, since tasks that a request starts have a copy of its context. None: each step has the whole time.
_left: ContextVar[list[float] | None] = ContextVar("left", default=None)


def begin() -> None:
    """From now on the steps of this request share their time."""
    _left.set([SECONDS])


def end() -> None:
    """From now on each step has the whole time: what the request waits for now has a limit of its own."""
    _left.set(None)


def left() -> float:
    """How long the next step may wait."""
    of_request = _left.get()
    return SECONDS if of_request is None else max(of_request[0], LEAST_SECONDS)


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """`asyncio.timeout`, but a time in which this process was busy itself counts as one step."""
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
    """Returns when the task is done or the time is over, counted in the same steps. It does not cancel the task."""
    for _ in range(max(round(seconds / STEP_SECONDS), 1)):
        await asyncio.wait({task}, timeout=STEP_SECONDS)
        if task.done():
            break


@contextmanager
def waiting() -> Iterator[float]:
    """A step that waits: gives how long it may, and subtracts how long it did."""
    started = time.monotonic()
    try:
        yield left()
    finally:
        if (of_request := _left.get()) is not None:
            of_request[0] -= time.monotonic() - started
