"""Keeps out of this process what scrubs were given: looks in the background whether the list of such texts has changed."""

import asyncio

import structlog
from redis.asyncio import Redis

from services.ingest.http.queue_errors import REDIS_FAILURES, REDIS_SECONDS
from services.ingest.postgres.database import Database
from shared.http.errors import Unavailable
from shared.periodic import stops_within
from shared.redaction import given_texts
from shared.redaction.kept_out import ASK_SECONDS, CHANGED_KEY, FINGERPRINTS, KnownList

log = structlog.get_logger()


class KeptOut:
    """The list as this process knows it."""

    def __init__(self, redis: Redis, database: Database) -> None:
        self._redis = redis
        self._database = database
        self._known = KnownList()

    async def watch(self, stopping: asyncio.Event) -> None:
        """Looks until `stopping` is set."""
        is_stopping = False
        while not is_stopping:
            await self.look()
            is_stopping = await stops_within(stopping, ASK_SECONDS)
        # A process may have another app behind this one.
        given_texts.keep_out(None)

    async def look(self) -> None:
        """Looks once. The known list holds while Redis or Postgres is away."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                changed = await self._redis.get(CHANGED_KEY)
            if self._known.must_read(changed):
                rows = await self._database.rows(FINGERPRINTS, {})
                self._known.take([row["fingerprint"] for row in rows], changed)
        except (*REDIS_FAILURES, Unavailable) as error:
            log.warning("kept_out_texts_not_read", reason=type(error).__name__)
