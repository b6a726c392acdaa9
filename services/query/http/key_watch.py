"""Checks the keys and logins of open streams again, as the key cache checks those of requests. Without streams nothing runs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from shared.auth.keys import Grant
from shared.http.errors import ApiError, Unavailable
from shared.periodic import stops_within

# With the key cache's own refresh of two seconds: a revoked key's streams end within about six.
KEY_SECONDS: Final = 3.0

# Gives a presented key's rights; an ApiError if it has none any more, or if that cannot be said now.
GrantOf = Callable[[bytes], Awaitable[Grant]]


class _Stream:
    __slots__ = ("grant", "presented", "refused")

    def __init__(self, presented: bytes, grant: Grant | None) -> None:
        self.presented = presented
        self.grant = grant
        self.refused = asyncio.Event()


class KeyWatch:
    """The open streams of one process. Lives in the event loop that it was made in."""

    def __init__(self, grant_of: GrantOf) -> None:
        self._grant_of = grant_of
        self._streams: set[_Stream] = set()
        self._stop = asyncio.Event()
        self._checking: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, presented: bytes | None, grant: Grant | None) -> Iterator[asyncio.Event]:
        """An event that is set when the key or login has other rights than `grant`, or none. Never set for a request without one."""
        if presented is None:
            yield asyncio.Event()
            return
        stream = _Stream(presented, grant)
        self._streams.add(stream)
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        try:
            yield stream.refused
        finally:
            self._streams.discard(stream)

    async def close(self) -> None:
        """Stops, and returns when nothing is checked any more."""
        self._stop.set()
        if self._checking is not None:
            await asyncio.wait({self._checking})

    async def _check(self) -> None:
        while self._streams and not await stops_within(self._stop, KEY_SECONDS):
            for presented in {stream.presented for stream in self._streams}:
                try:
                    grant = await self._grant_of(presented)
                except ApiError as error:
                    if isinstance(error, Unavailable):
                        continue
                    grant = None
                for stream in self._streams:
                    if stream.presented == presented and stream.grant != grant:
                        stream.refused.set()
