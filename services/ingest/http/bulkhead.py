"""A server is asked by so many requests at once; more of them queue, first come, first served.

redis-py's pool raises when it has no connection left, its blocking one lets newcomers pass, and neither can tell a server that is away
from a crowd. Time in the queue is not the server's: it counts only when nobody has been answered meanwhile.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.ingest.http import request_deadline

# Of a crowd that is too large even for a server that answers.
LONGEST_QUEUE_SECONDS: Final = 30.0


class Bulkhead:
    """Of one server, in one event loop."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._queue: deque[asyncio.Future[None]] = deque()
        self._answered_at = float("-inf")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One exchange, which must not take longer than a request may wait.

        TimeoutError if the server has fallen silent while this one queued.
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
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(LONGEST_QUEUE_SECONDS):
                await turn
        except BaseException:
            if turn in self._queue:
                self._queue.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:
                # The turn came in the same moment as the end of the waiting for it.
                self._pass_on()
            raise

    def _refuse_if_silent(self, since: float) -> None:
        """Refuses all who queue if an exchange has waited in vain, and nobody was answered since it began."""
        if self._answered_at < since and time.monotonic() - since >= request_deadline.SECONDS / 2:
            while self._queue:
                turn = self._queue.popleft()
                if not turn.done():
                    turn.set_exception(TimeoutError())

    def _pass_on(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
