"""What the routes of ingest work with: made in the app's lifespan, found through a request.

The types are imported for the type checker alone, so that every room may use this module and it stands on none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from celery import Celery
    from fastapi import Request
    from redis.asyncio import Redis

    from services.ingest.events.claimed_keys import ClaimedKeys
    from services.ingest.events.polling import Poller
    from services.ingest.events.session_cache import KnownSessions
    from services.ingest.events.wait import EntryWatch
    from services.ingest.imports.store_probe import UploadWatch
    from services.ingest.journal.append import Journal
    from services.ingest.journal.backlog import Backlog
    from services.ingest.postgres.api_keys import KeyRegistry
    from services.ingest.postgres.import_jobs import JobRegistry
    from services.ingest.postgres.registry import Registry
    from services.ingest.settings import Settings
    from shared.blobs.store import BlobStore


@dataclass(frozen=True, slots=True)
class Ingest:
    """What the routes work with; made in the app's lifespan."""

    settings: Settings
    redis: Redis
    registry: Registry
    jobs: JobRegistry
    keys: KeyRegistry
    sessions: KnownSessions
    journal: Journal
    backlog: Backlog
    entry_watch: EntryWatch
    ended_jobs: Poller[UUID]
    claimed_keys: ClaimedKeys
    sender: Celery
    uploads: BlobStore
    upload_watch: UploadWatch


def ingest_of(request: Request) -> Ingest:
    """What this app's routes work with."""
    ingest: Ingest = request.scope["app"].ingest
    return ingest
