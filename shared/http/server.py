"""The HTTP server around an app, with the patience it has: uvicorn, and what uvicorn does not limit.

A client that is slow with a request's head, sends a huge one, does not read its answer, or opens connection after connection is cut
off here; uvicorn would keep each of them for ever. Bodies are the routes' matter.
"""

import argparse
import json
import resource
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.bind_safety import ReachSettings, check_bind
from shared.http.response_headers import JSON, protection

log = structlog.get_logger()

GRACEFUL_SECONDS: Final = 10
# Files that a process has open beside its clients' connections: to Redis, Postgres and the blob store, of uploads, its logs and code.
OTHER_FILES: Final = 256
MAX_HEAD_BYTES: Final = 65_536
MAX_PIPELINED: Final = 64


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, and how many there may be."""

    max_connections: int
    head_seconds: float = 30.0
    # For the rest of a body whose answer is out already.
    rest_seconds: float = 5.0
    # Longer than the pools of common clients keep an idle connection (4 to 5 s) and than nginx does (deploy/gateway/keepalive.conf): a request
    # that is sent while we close has no answer. No longer than head_seconds, after which an idle connection is closed in any case.
    keep_alive_seconds: int = 30
    # In which something of an answer is taken.
    reading_seconds: float = 30.0


class Connection(HttpToolsProtocol):
    """One client's connection."""

    def __init__(self, *args: Any, patience: Patience, **options: Any) -> None:
        super().__init__(*args, **options)
        self._patience = patience
        # When the next request's head must have come; None while one is worked on.
        self._head_by: float | None = None
        self._head_bytes = 0
        # What the client has not yet taken, and since when it has taken nothing.
        self._unsent_bytes = 0
        self._unsent_since = time.monotonic()
        self._has_taken = False
        # What the client is told last, once the requests before it are answered.
        self._last_words: bytes | None = None

    def connection_made(self, transport: Any) -> None:
        """The client is here."""
        super().connection_made(transport)
        self._head_by = time.monotonic() + self._patience.head_seconds
        if len(self.connections) > self._patience.max_connections:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Some of a request has come."""
        if self._last_words is not None:
            return
        super().data_received(data)
        if self._head_by is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"A request's head may be {MAX_HEAD_BYTES} bytes long; send less in the address and the headers.")

    def on_headers_complete(self) -> None:
        """A head is complete. What is raised here is answered with 400."""
        self._head_by = None
        self._head_bytes = 0
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests in a row without reading an answer")
        super().on_headers_complete()
        # The request has its headers. Fields after a chunked body (trailers) would be appended to them, and nobody has checked those.
        self.headers = deque(maxlen=0)  # type: ignore[assignment]

    def on_response_complete(self) -> None:
        """An answer is out."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._last_words is not None:
            self._end()
        elif self.cycle.response_complete:
            self._head_by = time.monotonic() + (self._patience.rest_seconds if self.cycle.more_body else self._patience.head_seconds)

    def resume_writing(self) -> None:
        """The client has taken most of what waited for it."""
        super().resume_writing()
        self._has_taken = True

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP has the one error body too. Requests that came whole before it are answered first."""
        if self._last_words is not None:
            return
        body = json.dumps({"error": True, "message": msg, "code": "VALIDATION_ERROR", "details": {}}).encode()
        headers = [JSON, (b"content-length", b"%d" % len(body)), (b"connection", b"close"), *protection([JSON])]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self._last_words = b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + body
        self._head_by = None
        if self.pipeline and self.cycle.more_body:
            # The newest request is the broken one, and has not begun.
            self.pipeline.popleft()
        elif not self.pipeline and (self.cycle is None or self.cycle.response_complete or self.cycle.more_body):
            self._end()

    def _end(self) -> None:
        if self.transport.is_closing():
            return
        is_within_an_answer = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._last_words is not None and not is_within_an_answer:
            self.transport.write(self._last_words)
        self.transport.close()

    def look(self, now: float) -> None:
        """Cuts the connection if its client has been too slow."""
        if self._head_by is not None and now > self._head_by:
            self.transport.close()
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes == 0 or unsent_bytes < self._unsent_bytes or self._has_taken:
            self._unsent_since = now
        self._unsent_bytes, self._has_taken = unsent_bytes, False
        if now - self._unsent_since > self._patience.reading_seconds:
            # What the kernel holds for it goes too.
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


class Server(uvicorn.Server):
    """Looks at every connection once a second, which is cheaper than a timer for each request."""

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        if counter % 10 == 0:
            now = time.monotonic()
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.look(now)
        return await super().on_tick(counter)


def server(create_app: Callable[[], ASGIApp], patience: Patience) -> Server:
    """A server that is yet to run. The app sets up the logs, so uvicorn must not."""
    return Server(
        uvicorn.Config(
            create_app,
            factory=True,
            loop="uvloop",
            http=partial(Connection, patience=patience),  # type: ignore[arg-type]
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            # Nobody here asks who the client is, so nobody has to believe what a header says of it.
            proxy_headers=False,
            timeout_keep_alive=patience.keep_alive_seconds,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )


def serve(create_app: Callable[[], ASGIApp], listening: socket.socket, reach: ReachSettings) -> None:
    """Serves until SIGTERM, then lets running requests end."""
    connections = connections_for(reach.max_connections)

    def create() -> ASGIApp:
        app = create_app()
        if connections < reach.max_connections:
            # Said now, since the app has set up the logs.
            advice = (
                f"raise the limit of open files (ulimit -Hn) to {reach.max_connections + OTHER_FILES}, or lower TRACKER_MAX_CONNECTIONS"
            )
            log.warning("fewer_connections", connections=connections, advice=advice)
        return app

    server(create, Patience(connections)).run(sockets=[listening])


def connections_for(wanted: int) -> int:
    """How many connections the process may have open, up to `wanted`. Raises its soft limit of open files to what that needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, max(soft - OTHER_FILES, soft // 2))


def serve_by_itself(create_app: Callable[[], ASGIApp], reach: ReachSettings) -> None:
    """`python -m services.<name> [--host H] [--port N]`: one service, as in its container. Exits with a sentence if that would be open to others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    check_bind(reach, options.host)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.create_server((options.host, options.port), family=family, backlog=2048) as listening:
        serve(create_app, listening, reach)
