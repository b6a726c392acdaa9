"""Limits the concurrent work of a service: its requests, counted by the thing they wait for, and its connections to Redis.

Every request begins as a quick one. When it has to wait for something slow (its body, the worker, the end of a job), it moves to a limit
of its own. So quick requests are refused only when there are too many quick ones.
"""

from asyncio import Timeout, get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from shared.http.bind_safety import HttpSettings

# Exchanges with Redis that requests of one ingest process have at once; further ones queue. An exchange takes well under a millisecond,
# so more at once would not be faster: each would take longer, and might reach its deadline.
REDIS_EXCHANGES: Final = 8
# The rest is for work that must not queue behind requests: journal writes, samples of the backlog, the look-up for waiting requests.
REDIS_CONNECTIONS: Final = REDIS_EXCHANGES + 16
# Searches with a regular expression, at work or waiting for a thread. The last one waits for about ten seconds.
PATTERN_SEARCHES: Final = 8


class Limit:
    """A number of requests in progress, and its maximum."""

    __slots__ = ("maximum", "used")

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.used = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return self.used >= self.maximum


class IncomingBodies:
    """Request bodies that did not arrive with their heads. Above the limit the oldest one is timed out to make room.

    So even many slow clients do not keep out others.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._timeouts: dict[Timeout, None] = {}

    def __len__(self) -> int:
        return len(self._timeouts)

    @contextmanager
    def receiving(self, timeout: Timeout) -> Iterator[None]:
        """Counts a body while it arrives. `timeout` is its time limit, which may be brought forward."""
        if len(self._timeouts) >= self._maximum:
            oldest = next(iter(self._timeouts))
            del self._timeouts[oldest]
            oldest.reschedule(get_running_loop().time())
        self._timeouts[timeout] = None
        try:
            yield
        finally:
            self._timeouts.pop(timeout, None)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one service in one process."""

    requests: Limit
    waits: Limit
    uploads: Limit
    watchers: Limit
    listeners: Limit
    pattern_searches: Limit
    bodies: IncomingBodies

    @classmethod
    def from_settings(cls, settings: HttpSettings) -> "Limits":
        """All of them empty."""
        return cls(
            Limit(settings.max_requests),
            Limit(settings.max_waits),
            Limit(settings.max_uploads),
            Limit(settings.max_watchers),
            Limit(settings.max_listeners),
            Limit(PATTERN_SEARCHES),
            IncomingBodies(settings.max_requests),
        )


class RequestSlot:
    """The limit that a request counts against. At first that is the quick ones' limit, full or not: the caller checks it before."""

    __slots__ = ("_limit", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._limit: Limit | None = limits.requests
        limits.requests.used += 1

    def move_to(self, limit: Limit) -> bool:
        """Counts the request against another limit. False if that is full; then nothing changes."""
        if limit.is_full and limit is not self._limit:
            return False
        self.release()
        limit.used += 1
        self._limit = limit
        return True

    @contextmanager
    def receiving_body(self, timeout: Timeout) -> Iterator[None]:
        """While its body arrives, a request is not a quick one. Then it is one again, also above the limit: it was admitted before."""
        self.release()
        try:
            with self.limits.bodies.receiving(timeout):
                yield
        finally:
            self._limit = self.limits.requests
            self._limit.used += 1

    def release(self) -> None:
        """The request is done."""
        if self._limit is not None:
            self._limit.used -= 1
            self._limit = None


def slot_of(scope: Any) -> RequestSlot:
    """The slot of the request with this ASGI scope."""
    slot: RequestSlot = scope["request_slot"]
    return slot
