"""What must be answered in bounded time, whatever hangs: is the service ready, how is it, is this key valid.

Reads share a pool of threads. When Postgres hangs, all of those hang with it, and whoever needs one waits.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread

# More than the time-outs of one look at Redis and one at a database that does not let anybody connect.
SECONDS: Final = 4.0
THREADS: Final = 4

T = TypeVar("T")


class BoundedThreads:
    """A few threads of their own. One that hangs is left to itself, and taken again when it has ended. Of one event loop."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(THREADS)

    @property
    def busy(self) -> int:
        """How many of them are at work, those that nobody waits for any more included."""
        return self._limiter.borrowed_tokens

    async def run(self, work: Callable[[], T]) -> T:
        """What the work gives; TimeoutError if it has not ended, or not begun, within SECONDS."""
        with fail_after(SECONDS):
            return await to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)
