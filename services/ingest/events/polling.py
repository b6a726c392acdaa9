"""Polls once for all requests that wait for the same kind of thing, instead of once for each."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable
from typing import Final, Generic, TypeVar

# The more requests wait, the longer the pause, so that polling takes at most a tenth of a core.
PAUSE_OF_EACH_SECONDS: Final = 0.0002

K = TypeVar("K", bound=Hashable)


class Poller(Generic[K]):
    """Asks `find_done` which of the awaited keys are done, as long as a request waits. For one event loop."""

    def __init__(self, find_done: Callable[[Collection[K]], Awaitable[Collection[K]]], *, first_pause: float, longest_pause: float) -> None:
        self._find_done = find_done
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._waiting: defaultdict[K, list[asyncio.Future[None]]] = defaultdict(list)
        self._has_new = False
        self._polling: asyncio.Task[None] | None = None

    async def until_done(self, *keys: K) -> None:
        """Returns when all keys are done. Raises what `find_done` raises: then all waiting requests get the error."""
        new_future = asyncio.get_running_loop().create_future
        waits: list[tuple[K, asyncio.Future[None]]] = [(key, new_future()) for key in keys]
        for key, done in waits:
            self._waiting[key].append(done)
        self._has_new = True
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        try:
            await asyncio.gather(*(done for _, done in waits))
        finally:
            for key, done in waits:
                self._forget(key, done)

    def _forget(self, key: K, done: "asyncio.Future[None]") -> None:
        if (waiting := self._waiting.get(key)) and done in waiting:
            waiting.remove(done)
            if not waiting:
                del self._waiting[key]

    async def _poll(self) -> None:
        pause = self._first_pause
        while self._waiting:
            pause = self._first_pause if self._has_new else min(pause * 1.5, self._longest_pause)
            self._has_new = False
            try:
                for key in await self._find_done(tuple(self._waiting)):
                    self._settle(key, None)
            except Exception as error:  # noqa: BLE001 - the waiting requests raise it
                for key in tuple(self._waiting):
                    self._settle(key, error)
            await asyncio.sleep(max(pause, len(self._waiting) * PAUSE_OF_EACH_SECONDS))

    def _settle(self, key: K, error: Exception | None) -> None:
        for done in self._waiting.pop(key, ()):
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
