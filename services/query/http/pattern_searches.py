"""Searches with a regular expression have threads and connections of their own: few at a time, so that no other read waits for them."""

from collections.abc import Callable

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response

from services.query.answers.search import DocumentPage
from services.query.database import Connection, Database
from services.query.http.read_response import read_response
from services.query.settings import PATTERN_CONNECTIONS, Settings
from shared.http.concurrency import slot_of
from shared.http.errors import Unavailable

# About the time that one search has.
_RETRY_SECONDS = 3


class PatternSearches:
    """The threads and connections of one process. Lives in the event loop that it was made in."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.model_copy(update={"query_database_connections": PATTERN_CONNECTIONS}))
        self._threads = CapacityLimiter(PATTERN_CONNECTIONS)

    def close(self) -> None:
        """Ends its connections."""
        self._database.close()

    async def answer(self, request: Request, search: Callable[[Connection], DocumentPage]) -> Response:
        """As `read_response`, when one of the threads is free. Unavailable if too many wait for one."""
        slot = slot_of(request.scope)
        if not slot.move_to(slot.limits.pattern_searches):
            raise Unavailable(
                "Too many searches with a regular expression are in work; try again in a moment, or search for words.",
                code="OVERLOADED",
                retry_after_seconds=_RETRY_SECONDS,
            )
        return await to_thread.run_sync(lambda: read_response(request, search, database=self._database), limiter=self._threads)
