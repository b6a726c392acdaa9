"""Both API services in one process: GET and HEAD go to query, everything else to ingest, as the gateway of the containers does.

`python -m deploy.embedded.servers.gateway <descriptor>` serves it on a listening socket that the supervisor has opened.
"""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import create_app as create_query
from shared.http.server import serve
from shared.logs import configure_logs

_READING_METHODS = frozenset({"GET", "HEAD"})


class Gateway:
    """ASGI: sends a request on by its method and runs the lifespans of both apps as one."""

    def __init__(self, reading: Starlette, writing: Starlette, log_level: str) -> None:
        self._log_level = log_level
        self._reading = reading
        self._writing = writing
        self._lifespan = Starlette(lifespan=self._both)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app_for(scope)(scope, receive, send)

    def _app_for(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "lifespan":
            return self._lifespan
        return self._reading if scope.get("method") in _READING_METHODS else self._writing

    @asynccontextmanager
    async def _both(self, _app: Starlette) -> AsyncIterator[dict[str, Any]]:
        reading, writing = self._reading.router.lifespan_context(self._reading), self._writing.router.lifespan_context(self._writing)
        async with reading as read_state, writing as write_state:
            # Each has set up the logs under its own name; here they are one process.
            configure_logs("api", self._log_level)
            yield {**(read_state or {}), **(write_state or {})}


def create_app() -> Gateway:
    """The factory. Settings come from the environment, as each service reads them."""
    return Gateway(reading=create_query(), writing=create_ingest(), log_level=IngestSettings().log_level)


if __name__ == "__main__":
    serve(create_app, socket.socket(fileno=int(sys.argv[1])), IngestSettings())
