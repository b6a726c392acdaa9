"""`Prefer: wait=N` for hooks and ranges of transcripts: delays the answer until what was sent can be read."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from services.ingest.dependencies import Ingest
from services.ingest.events.polling import Poller
from services.ingest.events.wait import Preference
from services.ingest.http import backend_deadline
from services.ingest.http.queue_errors import REDIS_FAILURES
from services.ingest.journal.append import Position
from services.ingest.postgres.capture.captured import RangeEnd, read_hooks, read_ranges
from services.ingest.postgres.database import Database
from shared.http.concurrency import RequestSlot
from shared.http.errors import Unavailable

FIRST_PAUSE_SECONDS: Final = 0.02
LONGEST_PAUSE_SECONDS: Final = 0.2


class CaptureWatch:
    """Finds out which hooks and ranges the worker has read."""

    def __init__(self, database: Database) -> None:
        pauses = {"first_pause": FIRST_PAUSE_SECONDS, "longest_pause": LONGEST_PAUSE_SECONDS}
        self.hooks: Poller[UUID] = Poller(partial(read_hooks, database), **pauses)
        self.ranges: Poller[RangeEnd] = Poller(partial(read_ranges, database), **pauses)


async def hooks_read(ingest: Ingest, positions: Sequence[Position], ids: Sequence[UUID]) -> None:
    """Returns when the hooks have become rows."""
    # Before that they are not in Postgres.
    await ingest.entry_watch.until_gone(positions)
    await ingest.capture_watch.hooks.until_done(*ids)


async def range_read(ingest: Ingest, end: RangeEnd) -> None:
    """Returns when the file is read up to there."""
    await ingest.capture_watch.ranges.until_done(end)


async def headers_when_read(
    slot: RequestSlot, preference: Preference, read: Callable[[], Coroutine[Any, Any, None]]
) -> dict[str, str] | None:
    """Waits as long as the request prefers. `Preference-Applied: wait=N` says that what was sent can be read; the answer has no other word for it."""
    if preference.wait_seconds is None or preference.applied is None:
        return None
    if preference.wait_seconds:
        if not slot.move_to(slot.limits.waits):
            return None
        backend_deadline.end()
        try:
            async with asyncio.timeout(preference.wait_seconds):
                await read()
        except (TimeoutError, Unavailable, *REDIS_FAILURES):
            # It is safe on the journal.
            return None
    return preference.headers
