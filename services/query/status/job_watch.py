"""Watching import jobs: one query for all watched jobs every half second. Between queries no thread and no connection is held."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import structlog
from starlette.concurrency import run_in_threadpool

from services.query.answers.operations import ImportJob
from services.query.database import Database
from services.query.queries.lists.import_jobs import jobs_by_id

log = structlog.get_logger()

POLL_SECONDS = 0.5


class JobWatch:
    """The watched jobs of one process. Lives in the event loop that it was made in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watched: Counter[UUID] = Counter()
        self._seen: dict[UUID, ImportJob] = {}
        self._next_poll = asyncio.Event()
        self._stop = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None

    @property
    def watchers(self) -> int:
        """How many requests watch a job."""
        return self._watched.total()

    @property
    def is_stopped(self) -> bool:
        """Whether the watch has ended."""
        return self._stop.is_set()

    @contextmanager
    def watching(self, job_id: UUID) -> Iterator[None]:
        """Adds the job to those that are polled."""
        self._watched[job_id] += 1
        try:
            yield
        finally:
            self._watched[job_id] -= 1
            if not self._watched[job_id]:
                del self._watched[job_id]
                self._seen.pop(job_id, None)

    async def next_state(self, job_id: UUID) -> ImportJob | None:
        """The job at the next poll, within about half a second; None if it could not be read or the watch has ended."""
        if self.is_stopped:
            return None
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        polling = self._polling
        await self._next_poll.wait()
        if polling.done():
            # An error of the poll is raised in each waiting request.
            polling.result()
        return self._seen.get(job_id)

    def stop(self) -> None:
        """Ends the watch and wakes the requests that wait for a poll."""
        self._stop.set()

    async def close(self) -> None:
        """Stops, and returns when the last poll has ended."""
        self.stop()
        if self._polling is not None:
            await asyncio.wait({self._polling})

    async def _poll(self) -> None:
        """Polls while a job is watched."""
        try:
            while self._watched and not await self._stopped_within(POLL_SECONDS):
                self._seen = await self._read_watched()
                self._wake()
        finally:
            self._wake()

    async def _read_watched(self) -> dict[UUID, ImportJob]:
        try:
            return await run_in_threadpool(self._read, list(self._watched))
        except psycopg.Error as error:
            # The next poll tries again.
            log.warning("job_watch_blind", error=type(error).__name__)
            return {}

    def _read(self, job_ids: list[UUID]) -> dict[UUID, ImportJob]:
        with self._database.connection(from_primary=True) as connection:
            return jobs_by_id(connection, job_ids)

    def _wake(self) -> None:
        self._next_poll.set()
        self._next_poll = asyncio.Event()

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True
