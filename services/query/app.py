"""The query service, put together: it answers GET and HEAD. Its connection to Postgres cannot write."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from types import ModuleType
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import BaseRoute

from services.query.database import Database
from services.query.http.head_middleware import HeadAsGet
from services.query.http.key_lookup import find_key, has_admin, reporting_key_uses
from services.query.http.key_watch import KeyWatch
from services.query.http.parameters import refuse_repeated_parameters
from services.query.http.pattern_searches import PatternSearches
from services.query.http.read_response import install_database_errors
from services.query.http.shutdown import on_shutdown_signal
from services.query.http.time_limited_threads import TimeLimitedThreads
from services.query.http.unknown_page import UnknownPage
from services.query.live.live_feed import LiveFeed, connect_feed
from services.query.live.shared_sessions import SharedSessions
from services.query.routes import (
    advice,
    dashboard,
    days,
    dead_letters,
    erasures,
    export,
    exports,
    files,
    formats,
    import_jobs,
    keys,
    live,
    machines,
    me,
    outcome,
    prices,
    projects,
    quota,
    reconcile,
    retention,
    scrubs,
    search,
    search_everything,
    service,
    sessions,
    signals,
    stats,
    tags,
    timeline,
    tool_calls,
    transcripts,
    users,
    views,
)
from services.query.search_index.host import search_index
from services.query.settings import Settings
from services.query.status.job_watch import JobWatch
from services.query.status.state import connect_redis
from shared.auth.authentication import AccessControl, require_admin_key
from shared.auth.key_cache import KeyCache
from shared.auth.keys import StoredKey
from shared.auth.route_scopes import required_by_path
from shared.blobs.stores import archive_at
from shared.http import middleware
from shared.logs import configure_logs
from shared.settings import read_environment

SERVICE = "query"
# In the order in which paths are tried. Search, transcripts and parts of one session come before sessions, whose ids may hold slashes; one tool call
# comes behind /api/tool-calls/stats and the like.
ROUTES = (
    search,
    search_everything,
    projects,
    prices,
    retention,
    scrubs,
    erasures,
    transcripts,
    timeline,
    outcome,
    signals,
    reconcile,
    export,
    exports,
    sessions,
    stats,
    advice,
    quota,
    days,
    tags,
    users,
    views,
    files,
    formats,
    machines,
    import_jobs,
    keys,
    me,
    live,
    dead_letters,
    service,
    tool_calls,
)


class QueryApp(FastAPI):
    """The app, described without the framework's own 422: here that is a 400 with the one error body."""

    def openapi(self) -> dict[str, Any]:
        """The document of this service; `make openapi` merges both services' into one."""
        document = super().openapi()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        return document


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Without settings it reads them from the environment and takes over the process' logging.

    It opens its connections when it starts; Postgres and Redis need not be up then.
    """
    if settings is None:
        settings = read_environment(Settings)
        configure_logs(SERVICE, settings.log_level)

    async def find(key_id: str) -> StoredKey | None:
        return await find_key(app.state.database, app.state.threads, key_id)

    cache = KeyCache(find)
    archive = archive_at(settings.archive_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database, redis = Database(settings), connect_redis(settings)
            stack.callback(redis.close)
            stack.callback(database.close)
            app.state.database, app.state.redis, app.state.job_watch = database, redis, JobWatch(database)
            # A read waits for a thread, in order, and then has a connection at once. With more threads than connections it would wait for a
            # connection instead, and be refused after two seconds. Two connections are left for key checks and readiness.
            to_thread.current_default_thread_limiter().total_tokens = max(settings.query_database_connections - 2, 1)
            app.state.threads = threads = TimeLimitedThreads()
            app.state.search_index = stack.enter_context(search_index(settings, database, redis))
            app.state.pattern_searches = PatternSearches(settings)
            stack.callback(app.state.pattern_searches.close)
            app.state.archive = archive
            app.state.started_at = time.time()
            await require_admin_key(settings.access, lambda: has_admin(database, threads))
            await stack.enter_async_context(reporting_key_uses(cache, redis))
            app.state.key_watch = KeyWatch(cache.grant_of)
            stack.push_async_callback(app.state.key_watch.close)
            stack.push_async_callback(app.state.job_watch.close)
            app.state.live = LiveFeed(connect_feed(settings), SharedSessions(database, threads.run))
            stack.push_async_callback(app.state.live.close)

            def stop_streams() -> None:
                app.state.job_watch.stop()
                app.state.live.stop()

            with on_shutdown_signal(stop_streams):
                yield

    app = QueryApp(
        title="Claude Code Tracker",
        description="What Claude Code did: sessions, conversations, file changes, tool calls, tokens and cost.",
        version="0.1.0",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    app.router.routes += [route for module in (*ROUTES, dashboard) for route in _included(module)]
    app.add_middleware(HeadAsGet)
    app.state.required = required_by_path(route for module in (*ROUTES, dashboard) for route in module.router.routes)
    app.add_middleware(
        AccessControl,
        access=settings.access,
        keys=cache,
        required=app.state.required,
        is_behind_gateway=settings.behind_gateway == "on",
    )
    app.add_middleware(UnknownPage, routes_of=app)
    install_database_errors(app)
    middleware.install(app, SERVICE, settings)
    return app


@cache
def _included(module: ModuleType) -> list[BaseRoute]:
    """The module's routes as an app has them.

    All apps of a process share them: FastAPI builds what a route needs when the first request comes, which takes longer than the rest of a start.
    """
    included = APIRouter(generate_unique_id_function=lambda route: route.name)
    # The page reads the parameters of its address itself.
    checks = [] if module is dashboard else [Depends(refuse_repeated_parameters)]
    included.include_router(module.router, dependencies=checks)
    return included.routes
