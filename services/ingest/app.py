"""Puts the ingest service together. Nothing connects before the lifespan begins."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from celery import Celery
from fastapi import FastAPI
from fastapi.routing import APIRoute
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.ingest.admin import (
    dead_letters,
    erasures,
    keys,
    logins,
    machines,
    prices,
    projects,
    retention,
    saved_views,
    scrubs,
    session_marks,
    users,
)
from services.ingest.admin.kept_out import KeptOut
from services.ingest.admin.key_uses import KeyUses
from services.ingest.capture.wait_read import CaptureWatch
from services.ingest.dependencies import Ingest
from services.ingest.events.idempotency_keys import ClaimedKeys
from services.ingest.events.polling import Poller
from services.ingest.events.session_cache import SessionCache
from services.ingest.events.tombstones import Tombstones
from services.ingest.events.wait import EntryWatch
from services.ingest.http.direct_routes import DirectApp
from services.ingest.imports import change_job, start_export, start_reparse, upload_manifest
from services.ingest.imports.store_probe import StoreProbe, show_disk
from services.ingest.journal.append import Journal
from services.ingest.journal.append_range import RangeJournal
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.wakeup import WakeupSender
from services.ingest.postgres.admin.api_keys import ApiKeys
from services.ingest.postgres.database import Database
from services.ingest.postgres.imports.import_jobs import ImportJobs
from services.ingest.routes import openapi_schemas
from services.ingest.routes.capture import capture
from services.ingest.routes.operations import operations
from services.ingest.routes.writes import writes
from services.ingest.settings import Settings
from shared import broker
from shared.auth.authentication import AccessControl, require_admin_key
from shared.auth.key_cache import KeyCache
from shared.auth.keys import StoredKey
from shared.auth.route_scopes import required_by_path
from shared.blobs.store import BlobStore
from shared.blobs.stores import store_at
from shared.http import middleware
from shared.http.concurrency import REDIS_CONNECTIONS
from shared.logs import configure_logs
from shared.periodic import in_background
from shared.redaction.redacted_structs import warm_up
from shared.redis.clients import connect_async
from shared.settings import read_environment

SERVICE = "ingest"
# Longer than any request waits for Redis: under load the process itself may be busy for a second, which says nothing of Redis.
CONNECT_SECONDS = 5.0
# Pauses between two looks for import jobs that have ended.
JOB_FIRST_PAUSE_SECONDS, JOB_LONGEST_PAUSE_SECONDS = 0.02, 0.2
# The modules that have routes of their own beside what these do; services/ingest/routes has those of events.
ROUTES = (
    *(change_job, dead_letters, erasures, keys, logins, machines, prices, projects, retention),
    *(saved_views, scrubs, session_marks, start_export, start_reparse, upload_manifest, users),
)


class IngestApp(DirectApp):
    """The app, with the schemas of its API document and the objects that its routes work with."""

    # Set while the lifespan lasts.
    ingest: Ingest

    def openapi(self) -> dict[str, Any]:
        """The document of this service; `make openapi` merges both services' into one."""
        document = super().openapi()
        document.setdefault("components", {})["schemas"] = openapi_schemas.components()
        for route in self.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    document["paths"][route.path_format][method.lower()]["operationId"] = route.name
        return document


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Without `settings` it reads them from the environment, and sets up the process' logs and garbage collection."""
    if settings is None:
        settings = read_environment(Settings)
        configure_logs(SERVICE, settings.log_level)
        reduce_garbage_collection()
    uploads = store_at(
        settings.blob_url, reserve_bytes=settings.uploads_reserve_bytes
    )  # a wrong URL stops the start instead of the first import

    async def find(key_id: str) -> StoredKey | None:
        return await app.ingest.keys.find(key_id)

    cache = KeyCache(find)
    app: IngestApp = IngestApp(
        title="Claude Code Tracker: ingest",
        lifespan=lambda _: _lifespan(app, settings, cache, uploads),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # Not include_router: its context for each request costs as much as a whole write.
    for router in (writes, capture, operations, *(module.router for module in ROUTES)):
        app.router.routes += router.routes
    app.state.required = required_by_path(app.router.routes)
    app.add_middleware(
        AccessControl,
        access=settings.access,
        keys=cache,
        required=app.state.required,
        is_behind_gateway=settings.behind_gateway == "on",
    )
    middleware.install(app, SERVICE, settings)
    return app


@asynccontextmanager
async def _lifespan(app: IngestApp, settings: Settings, cache: KeyCache, uploads: BlobStore) -> AsyncIterator[None]:
    """Connects, and disconnects in the opposite order. Starts also while Redis or Postgres is away: then answers are 503."""
    if settings.redact:
        warm_up()
    show_disk(settings.blob_url)
    async with AsyncExitStack() as stack:
        redis = connect_redis(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        database = Database(settings.database_url, connections=settings.ingest_database_connections)
        await database.open()
        stack.push_async_callback(database.close)
        await require_admin_key(settings.access, ApiKeys(database).has_admin)
        store_probe = StoreProbe(uploads)
        await store_probe.check_at_start()
        sender = broker.sender(settings.broker_url or settings.redis_url)
        stack.callback(sender.close)
        wakeups = await stack.enter_async_context(_sending_wakeups(sender, settings.journal_partitions))
        app.ingest = _ingest(settings, redis, database, sender, wakeups, uploads, store_probe)
        stack.push_async_callback(app.ingest.journal.aclose)
        stack.push_async_callback(app.ingest.range_journal.aclose)
        await stack.enter_async_context(in_background(app.ingest.backlog.watch))
        await stack.enter_async_context(in_background(store_probe.watch))
        await stack.enter_async_context(in_background(KeyUses(cache, app.ingest.keys, redis).watch))
        if settings.redact:
            await stack.enter_async_context(in_background(KeptOut(redis, database).watch))
        yield


def _ingest(
    settings: Settings,
    redis: Redis,
    database: Database,
    sender: Celery,
    wakeups: WakeupSender,
    uploads: BlobStore,
    store_probe: StoreProbe,
) -> Ingest:
    backlog = Backlog(redis, partitions=settings.journal_partitions, max_entries=settings.backlog_max_entries)
    jobs = ImportJobs(database)
    return Ingest(
        settings=settings,
        redis=redis,
        database=database,
        jobs=jobs,
        keys=ApiKeys(database),
        session_cache=SessionCache(redis, database, settings.known_sessions),
        tombstones=Tombstones(database),
        journal=Journal(redis, wakeups, backlog, settings.redis_replicas_acked),
        range_journal=RangeJournal(redis, wakeups, backlog, settings.redis_replicas_acked),
        backlog=backlog,
        entry_watch=EntryWatch(redis),
        capture_watch=CaptureWatch(database),
        ended_jobs=Poller(jobs.ended, first_pause=JOB_FIRST_PAUSE_SECONDS, longest_pause=JOB_LONGEST_PAUSE_SECONDS),
        claimed_keys=ClaimedKeys(redis, backlog, settings.idempotency_bytes),
        sender=sender,
        uploads=uploads,
        store_probe=store_probe,
    )


def reduce_garbage_collection() -> None:
    """Collects less often: requests make many objects and hardly a cycle. With Python's own threshold a write costs 10 % more CPU (ADR 43)."""
    gc.set_threshold(20_000, 10, 10)


def connect_redis(redis_url: str) -> Redis:
    """A client that never retries: the sender of the event does.

    Its callers limit how long a whole exchange takes (queue_errors). A time-out of the client's own would start a task for each command, and could
    lose the cancellation that ends a wait (asyncio.wait_for of Python 3.11).
    """
    options = {"socket_timeout": None, "socket_connect_timeout": CONNECT_SECONDS, "retry": Retry(NoBackoff(), 0)}
    return connect_async(redis_url, max_connections=REDIS_CONNECTIONS, **options)


@asynccontextmanager
async def _sending_wakeups(sender: Celery, partitions: int) -> AsyncIterator[WakeupSender]:
    wakeups = WakeupSender(sender, partitions)
    wakeups.start()
    yield wakeups
    await asyncio.to_thread(wakeups.stop)
