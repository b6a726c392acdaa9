"""Limits how many requests use a server at once. The others queue, first come, first served.

redis-py's pool raises when it has no connection left, and its blocking pool lets newcomers pass. Neither can tell a server that is away from one that
is busy. Time in the queue counts against the server only if it answered no request meanwhile.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.ingest.http import backend_deadline

# The longest time in the queue, if there are too many requests even for a server that answers.
LONGEST_QUEUE_SECONDS: Final = 30.0


class Bulkhead:
    """The limit for one server, in one event loop."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._queue: deque[asyncio.Future[None]] = deque()
        self._answered_at = float("-inf")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One exchange with the server, which must not take longer than a request may wait.

        TimeoutError if the server stopped answering while this request queued.
        """
        if self._free:
            self._free -= 1
        else:
            await self._queue_up()
        began = time.monotonic()
        try:
            yield
        except Exception:
            self._refuse_if_silent(since=began)
            raise
        else:
            self._answered_at = time.monotonic()
        finally:
            self._pass_on()

    async def _queue_up(self) -> None:
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(slot)
        try:
            async with asyncio.timeout(LONGEST_QUEUE_SECONDS):
                await slot
        except BaseException:
            if slot in self._queue:
                self._queue.remove(slot)
            elif not slot.cancelled() and slot.exception() is None:
                # The slot was given in the same moment as the waiting ended.
                self._pass_on()
            raise

    def _refuse_if_silent(self, since: float) -> None:
        """Refuses all queued requests if an exchange failed after a wait and the server has answered none since it began."""
        if self._answered_at < since and time.monotonic() - since >= backend_deadline.SECONDS / 2:
            while self._queue:
                slot = self._queue.popleft()
                if not slot.done():
                    slot.set_exception(TimeoutError())

    def _pass_on(self) -> None:
        while self._queue:
            slot = self._queue.popleft()
            if not slot.done():
                slot.set_result(None)
                return
        self._free += 1
