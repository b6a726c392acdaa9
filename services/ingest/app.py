"""The ingest service, put together: accepts, promises, answers; computes nothing. Nothing connects before the lifespan begins."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from celery import Celery
from fastapi import FastAPI
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.ingest.admin.key_uses import KeyUses
from services.ingest.dependencies import Ingest
from services.ingest.events.claimed_keys import ClaimedKeys
from services.ingest.events.polling import Poller
from services.ingest.events.session_cache import KnownSessions
from services.ingest.events.wait import EntryWatch
from services.ingest.http.raw_route import RawApp
from services.ingest.imports.disk_space import show_disk
from services.ingest.imports.store_probe import UploadWatch
from services.ingest.journal.append import Journal
from services.ingest.journal.append_script import AppendScript
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.packed_commands import pack_in_c
from services.ingest.journal.wakeup import Doorbell
from services.ingest.postgres.api_keys import KeyRegistry
from services.ingest.postgres.import_jobs import JobRegistry
from services.ingest.postgres.registry import Registry
from services.ingest.routes import openapi_schemas
from services.ingest.routes.dead_letters import dead_letters
from services.ingest.routes.import_jobs import jobs
from services.ingest.routes.keys import keys
from services.ingest.routes.operations import operations
from services.ingest.routes.writes import writes
from services.ingest.settings import Settings
from shared import broker
from shared.auth.authentication import AccessControl, refuse_without_admin
from shared.auth.key_cache import KeyCache
from shared.auth.keys import StoredKey
from shared.auth.scopes import required_by_path
from shared.blobs.store import BlobStore
from shared.blobs.stores import store_at
from shared.http import middleware
from shared.http.concurrency import REDIS_CONNECTIONS
from shared.logs import configure_logs
from shared.redaction.redacted_structs import warm_up
from shared.redis.clients import connect_async

SERVICE = "ingest"
# Longer than anybody waits for an exchange: a crowd may keep the process from its own work for a second, and that is not Redis' silence.
CONNECT_SECONDS = 5.0
# Between two looks for the ends of import jobs.
JOB_FIRST_PAUSE_SECONDS, JOB_LONGEST_PAUSE_SECONDS = 0.02, 0.2


class IngestApp(RawApp):
    """The app with the schemas that api_docs refers to, and with what its routes work with."""

    # Set while the lifespan lasts.
    ingest: Ingest

    def openapi(self) -> dict[str, Any]:
        """The document of this service; `make openapi` merges both services' into one."""
        document = super().openapi()
        document.setdefault("components", {})["schemas"] = openapi_schemas.components()
        return document


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Without settings it is the process' own: it reads them from the environment and sets up logs and garbage collection."""
    if settings is None:
        settings = Settings()
        configure_logs(SERVICE, settings.log_level)
        spare_the_collector()
    uploads = store_at(settings.blob_url, reserve_bytes=settings.uploads_reserve_bytes)  # a wrong URL stops the start, not the first import

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
    # Not include_router: its per-request context costs as much as the whole of a write.
    app.router.routes += [*writes.routes, *jobs.routes, *dead_letters.routes, *keys.routes, *operations.routes]
    app.state.required = required_by_path(app.router.routes)
    app.add_middleware(AccessControl, access=settings.access, keys=cache, required=app.state.required)
    middleware.install(app, SERVICE, settings)
    return app


@asynccontextmanager
async def _lifespan(app: IngestApp, settings: Settings, cache: KeyCache, uploads: BlobStore) -> AsyncIterator[None]:
    """Connects, and lets go in the opposite order. Starts with Redis or Postgres away too: then answers are 503."""
    if settings.redact:
        warm_up()
    show_disk(settings.blob_url)
    async with AsyncExitStack() as stack:
        redis = connect_redis(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        registry = Registry(settings.database_url, connections=settings.ingest_database_connections)
        await registry.open()
        stack.push_async_callback(registry.close)
        await refuse_without_admin(settings.access, KeyRegistry(registry).has_admin)
        upload_watch = UploadWatch(uploads)
        await upload_watch.refuse_unusable()
        sender = broker.sender(settings.broker_url or settings.redis_url)
        stack.callback(sender.close)
        doorbell = await stack.enter_async_context(_ringing(sender, settings.journal_partitions))
        app.ingest = _ingest(settings, redis, registry, sender, doorbell, uploads, upload_watch)
        stack.push_async_callback(app.ingest.journal.aclose)
        await stack.enter_async_context(_beside(app.ingest.backlog.watch))
        await stack.enter_async_context(_beside(upload_watch.watch))
        await stack.enter_async_context(_beside(KeyUses(cache, app.ingest.keys, redis).watch))
        yield


def _ingest(
    settings: Settings, redis: Redis, registry: Registry, sender: Celery, doorbell: Doorbell, uploads: BlobStore, upload_watch: UploadWatch
) -> Ingest:
    backlog = Backlog(redis, partitions=settings.journal_partitions, max_entries=settings.backlog_max_entries)
    jobs = JobRegistry(registry)
    return Ingest(
        settings=settings,
        redis=redis,
        registry=registry,
        jobs=jobs,
        keys=KeyRegistry(registry),
        sessions=KnownSessions(redis, registry, settings.known_sessions),
        journal=Journal(AppendScript(redis, settings.redis_replicas_acked), doorbell, backlog),
        backlog=backlog,
        entry_watch=EntryWatch(redis),
        ended_jobs=Poller(jobs.ended, first_pause=JOB_FIRST_PAUSE_SECONDS, longest_pause=JOB_LONGEST_PAUSE_SECONDS),
        claimed_keys=ClaimedKeys(redis, backlog, settings.idempotency_bytes),
        sender=sender,
        uploads=uploads,
        upload_watch=upload_watch,
    )


def spare_the_collector() -> None:
    """Leaves what was loaded at the start out of garbage collection, and makes that rarer.

    A request makes hardly a cycle, but enough objects to set it off for all modules again and again: a quarter of the time of a write.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def connect_redis(redis_url: str) -> Redis:
    """A client that never tries twice: whoever sent the event will.

    Its callers say how long they wait, for a whole exchange (queue_errors). A time-out of its own would start a task for each
    command, and the cancellation that ends a wait can get lost in that (asyncio.wait_for of Python 3.11).
    """
    options = {"socket_timeout": None, "socket_connect_timeout": CONNECT_SECONDS, "retry": Retry(NoBackoff(), 0)}
    return pack_in_c(connect_async(redis_url, max_connections=REDIS_CONNECTIONS, **options))


@asynccontextmanager
async def _ringing(sender: Celery, partitions: int) -> AsyncIterator[Doorbell]:
    doorbell = Doorbell(sender, partitions)
    doorbell.start()
    yield doorbell
    await asyncio.to_thread(doorbell.stop)


@asynccontextmanager
async def _beside(watch: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Runs `watch` beside the requests, and tells it when to end."""
    stopping = asyncio.Event()
    task = asyncio.create_task(watch(stopping))
    yield
    # Not cancelled: redis-py may swallow that, by Python 3.11's wait_for.
    stopping.set()
    await task
