"""Watching import jobs: one look at all that anybody watches, every half a second. Between looks no thread and no connection is held."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import structlog
from starlette.concurrency import run_in_threadpool

from services.query.database import Database, Row
from services.query.queries.lists.import_jobs import jobs_by_id

log = structlog.get_logger()

LOOK_SECONDS = 0.5


class JobWatch:
    """Of one process. Lives in the event loop that it was made in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watched: Counter[UUID] = Counter()
        self._seen: dict[UUID, Row] = {}
        self._looked = asyncio.Event()
        self._stop = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    @property
    def watchers(self) -> int:
        """How many there are."""
        return self._watched.total()

    @property
    def is_stopped(self) -> bool:
        """Whether nobody looks any more."""
        return self._stop.is_set()

    @contextmanager
    def watching(self, job_id: UUID) -> Iterator[None]:
        """Makes the job one of those that are looked at."""
        self._watched[job_id] += 1
        try:
            yield
        finally:
            self._watched[job_id] -= 1
            if not self._watched[job_id]:
                del self._watched[job_id]
                self._seen.pop(job_id, None)

    async def next_look(self, job_id: UUID) -> Row | None:
        """The job as the next look sees it, within about half a second; None if it could not be seen or the watch is stopped."""
        if self.is_stopped:
            return None
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        looking = self._looking
        await self._looked.wait()
        if looking.done():
            # What broke it, breaks those who wait for it.
            looking.result()
        return self._seen.get(job_id)

    def stop(self) -> None:
        """Ends the watch; whoever waits for a look is woken."""
        self._stop.set()

    async def close(self) -> None:
        """Stops, and returns when nothing looks any more."""
        self.stop()
        if self._looking is not None:
            await asyncio.wait({self._looking})

    async def _look_on(self) -> None:
        """Until nobody watches any more."""
        try:
            while self._watched and not await self._stopped_within(LOOK_SECONDS):
                self._seen = await self._look()
                self._wake()
        finally:
            self._wake()

    async def _look(self) -> dict[UUID, Row]:
        try:
            return await run_in_threadpool(self._read, list(self._watched))
        except psycopg.Error as error:
            # It will be back, and so will they who watch.
            log.warning("job_watch_blind", error=type(error).__name__)
            return {}

    def _read(self, job_ids: list[UUID]) -> dict[UUID, Row]:
        with self._database.connection(from_primary=True) as connection:
            return jobs_by_id(connection, job_ids)

    def _wake(self) -> None:
        self._looked.set()
        self._looked = asyncio.Event()

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True
