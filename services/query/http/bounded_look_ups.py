"""What must be answered in bounded time, whatever hangs: is the service ready, how is it, is this key valid.

Reads share a pool of threads. When Postgres hangs, all of those hang with it, and whoever needs one waits.
"""

from collections.abc import Callable
from threading import Semaphore
from typing import Final, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread

# More than the time-outs of one look at Redis and one at a database that does not let anybody connect.
SECONDS: Final = 4.0
THREADS: Final = 4

T = TypeVar("T")


class BoundedThreads:
    """A few threads of their own. One that hangs is left to itself, and keeps its place until it has ended. Of one event loop."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(THREADS)
        self._places = Semaphore(THREADS)

    @property
    def busy(self) -> int:
        """How many of them are at work, those that nobody waits for any more included."""
        return THREADS - self._places._value

    async def run(self, work: Callable[[], T]) -> T:
        """What the work gives; TimeoutError if it has not ended, or not begun, within SECONDS."""

        def keep_place() -> T:
            # anyio gives its own place away as soon as nobody waits any more.
            if not self._places.acquire(timeout=SECONDS):
                raise TimeoutError
            try:
                return work()
            finally:
                self._places.release()

        with fail_after(SECONDS):
            return await to_thread.run_sync(keep_place, limiter=self._limiter, abandon_on_cancel=True)
