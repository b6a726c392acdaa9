"""How much a service does at once, all of it here: requests by what they wait for, and connections to Redis.

A request begins as a quick one. When it turns out to wait for something slow (its body, the worker, the end of a job) it moves to the
limit of that, so that quick requests are refused for too many quick ones alone.
"""

from asyncio import Timeout, get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from shared.http.bind_safety import ReachSettings

# Exchanges with Redis that the requests of an ingest process have at once; more of them queue. Each takes well under a millisecond,
# so more would not be faster; each would only take longer, and the clock of each runs.
REDIS_EXCHANGES: Final = 8
# What goes on beside the requests must not wait for them: the journal's writes, the samples of the backlog, the look for waiters.
REDIS_CONNECTIONS: Final = REDIS_EXCHANGES + 16


class Limit:
    """So many at once."""

    __slots__ = ("most", "taken")

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return self.taken >= self.most


class Arrivals:
    """Bodies that did not come with their heads. The one that has been coming for longest makes room for a new one.

    So clients that send slowly, however many, keep nobody out who does not.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._coming: dict[Timeout, None] = {}

    def __len__(self) -> int:
        return len(self._coming)

    @contextmanager
    def coming(self, timeout: Timeout) -> Iterator[None]:
        """While a body comes, within a time limit, which may come to an end early."""
        if len(self._coming) >= self._most:
            oldest = next(iter(self._coming))
            del self._coming[oldest]
            oldest.reschedule(get_running_loop().time())
        self._coming[timeout] = None
        try:
            yield
        finally:
            self._coming.pop(timeout, None)


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one service in one process."""

    requests: Limit
    waits: Limit
    uploads: Limit
    watchers: Limit
    arrivals: Arrivals

    @classmethod
    def of(cls, settings: ReachSettings) -> "Limits":
        """As the settings have them."""
        return cls(
            Limit(settings.max_requests),
            Limit(settings.max_waits),
            Limit(settings.max_uploads),
            Limit(settings.max_watchers),
            Arrivals(settings.max_requests),
        )


class Place:
    """Where a request is counted. It begins among the quick ones, over their limit or not: ask that first."""

    __slots__ = ("_limit", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._limit: Limit | None = limits.requests
        limits.requests.taken += 1

    def move(self, limit: Limit) -> bool:
        """Counts it there instead. False if that is full; then it stays where it is."""
        if limit.is_full and limit is not self._limit:
            return False
        self.leave()
        limit.taken += 1
        self._limit = limit
        return True

    @contextmanager
    def arriving(self, timeout: Timeout) -> Iterator[None]:
        """While its body comes it is no quick request. Afterwards it is one again, whether there is room or not: it was let in."""
        self.leave()
        try:
            with self.limits.arrivals.coming(timeout):
                yield
        finally:
            self._limit = self.limits.requests
            self._limit.taken += 1

    def leave(self) -> None:
        """It is done."""
        if self._limit is not None:
            self._limit.taken -= 1
            self._limit = None


def place_of(scope: Any) -> Place:
    """Where the request of an ASGI scope is counted."""
    place: Place = scope["place"]
    return place
