"""Which sessions of others are shared, so that a listener who is bound to users hears what it may read in lists.

Postgres says it, by the policies of lists: a key that is bound to no user at all reads what everybody may. So one answer is good for all listeners,
whatever their users; their projects are compared with the item's. It is asked for when an item of an unknown session comes, and again when the
last answer is FRESH_SECONDS old and needed. For listeners that are not bound to users, and without items, nothing is asked.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from msgspec import Struct

from services.query.database import AWAY, Database
from services.query.queries.lists.sessions import seen_sessions
from shared.auth.keys import Grant

log = structlog.get_logger()

FRESH_SECONDS: Final = 2.0
# About so many are remembered from one answer to the next: the sessions in which something happens.
MOST_KNOWN: Final = 1_000

_OF_NOBODY: Final = Grant("live", frozenset({"read"}), users=())

# Runs a function in a thread; TimeoutError if that takes too long.
Run = Callable[[Callable[[], frozenset[str]]], Awaitable[frozenset[str]]]


class Known(Struct, frozen=True):
    """Sessions that were asked for, and those of them that are shared."""

    asked: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()


NOTHING_KNOWN: Final = Known()


class SharedSessions:
    """Lives in the event loop that it was made in."""

    def __init__(self, database: Database, run: Run) -> None:
        self._database, self._run = database, run
        # The oldest of its answers was asked for then.
        self._known, self._asked_at = NOTHING_KNOWN, float("-inf")
        self._asking = asyncio.Lock()

    def known(self) -> Known:
        """The sessions that were asked for within FRESH_SECONDS. It is the same object until something changes."""
        return self._known if time.monotonic() - self._asked_at < FRESH_SECONDS else NOTHING_KNOWN

    async def learn(self, session_ids: frozenset[str]) -> Known:
        """The known sessions, with these. A caller that waits while others ask takes their answer if they asked later, however long it took."""
        came_at = time.monotonic()
        async with self._asking:
            known = self._known if self._asked_at >= came_at else self.known()
            if session_ids <= known.asked:
                return known
            wanted, asked_at = session_ids - known.asked, self._asked_at
            if known is NOTHING_KNOWN:
                asked_at = time.monotonic()
                if len(self._known.asked) < MOST_KNOWN:
                    # They go on, and would each ask again.
                    wanted |= self._known.asked
            shared = await self._shared_of(wanted)
            found = Known(known.asked | wanted, known.shared | shared)
            if found != self._known:
                self._known = found
            self._asked_at = asked_at
            return self._known

    async def _shared_of(self, session_ids: frozenset[str]) -> frozenset[str]:
        """Those that are shared: none while Postgres does not answer."""

        def read() -> frozenset[str]:
            # A replica may not have a session that has just begun, or not that it was just made private.
            with self._database.connection(_OF_NOBODY, from_primary=True) as connection:
                return seen_sessions(connection, session_ids)

        try:
            return await self._run(read)
        except (*AWAY, TimeoutError) as error:
            log.warning("live_shares_not_known", error=type(error).__name__)
            return frozenset()
