"""The objects that ingest's routes work with: made in the app's lifespan, found through a request.

Their types are imported for the type checker alone, so every folder may import this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from celery import Celery
    from fastapi import Request
    from redis.asyncio import Redis

    from services.ingest.capture.wait_read import CaptureWatch
    from services.ingest.events.idempotency_keys import ClaimedKeys
    from services.ingest.events.polling import Poller
    from services.ingest.events.session_cache import SessionCache
    from services.ingest.events.tombstones import Tombstones
    from services.ingest.events.wait import EntryWatch
    from services.ingest.imports.store_probe import StoreProbe
    from services.ingest.journal.append import Journal
    from services.ingest.journal.append_range import RangeJournal
    from services.ingest.journal.backlog import Backlog
    from services.ingest.postgres.admin.api_keys import ApiKeys
    from services.ingest.postgres.database import Database
    from services.ingest.postgres.imports.import_jobs import ImportJobs
    from services.ingest.settings import Settings
    from shared.blobs.store import BlobStore


@dataclass(frozen=True, slots=True)
class Ingest:
    """The objects that the routes share; made in the app's lifespan."""

    settings: Settings
    redis: Redis
    database: Database
    jobs: ImportJobs
    keys: ApiKeys
    session_cache: SessionCache
    tombstones: Tombstones
    journal: Journal
    range_journal: RangeJournal
    backlog: Backlog
    entry_watch: EntryWatch
    capture_watch: CaptureWatch
    ended_jobs: Poller[UUID]
    claimed_keys: ClaimedKeys
    sender: Celery
    uploads: BlobStore
    store_probe: StoreProbe


def ingest_of(request: Request) -> Ingest:
    """The objects of the app that got the request."""
    ingest: Ingest = request.scope["app"].ingest
    return ingest
