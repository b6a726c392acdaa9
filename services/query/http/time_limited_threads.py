"""Threads for answers that must be in time even if Postgres hangs: readiness, metrics, the check of a key.

Reads share another pool of threads. When Postgres hangs, all of those hang with it.
"""

from collections.abc import Callable
from threading import Semaphore
from typing import Final, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread

# More than the time-outs of one request to Redis and one failed connection to Postgres.
SECONDS: Final = 4.0
THREADS: Final = 4

T = TypeVar("T")


class TimeLimitedThreads:
    """A few threads, for one event loop. A thread that hangs is abandoned, and counts as busy until it has ended."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(THREADS)
        self._places = Semaphore(THREADS)

    @property
    def busy(self) -> int:
        """How many threads are at work, abandoned ones included."""
        return THREADS - self._places._value

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`. TimeoutError if it has not ended, or not begun, within SECONDS."""

        def keep_place() -> T:
            # anyio frees its own place as soon as the caller gives up.
            if not self._places.acquire(timeout=SECONDS):
                raise TimeoutError
            try:
                return work()
            finally:
                self._places.release()

        with fail_after(SECONDS):
            return await to_thread.run_sync(keep_place, limiter=self._limiter, abandon_on_cancel=True)
