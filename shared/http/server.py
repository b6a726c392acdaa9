"""The HTTP server of the API processes: uvicorn, and the limits that uvicorn does not have.

uvicorn would keep a client for ever that sends its request's head slowly, sends a huge one, does not read its response, or opens ever more
connections. Here it is disconnected. Limits of request bodies are in the routes.
"""

import argparse
import asyncio
import gc
import json
import math
import resource
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.bind_safety import HttpSettings, check_listen_address
from shared.http.response_headers import JSON, security_headers
from shared.periodic import stops_within

log = structlog.get_logger()

GRACEFUL_SECONDS: Final = 10
TICK_SECONDS: Final = 1.0
# Open files besides clients' connections: to Redis, Postgres and the blob store, of uploads, logs and code.
OTHER_FILES: Final = 256
MAX_HEAD_BYTES: Final = 65_536
MAX_PIPELINED: Final = 64
# In the ASGI scope of a request whose whole body has arrived, so that the app need not start a timer for it.
BODY_ARRIVED: Final = "tracker.body_arrived"
# In the ASGI scope: a function that disconnects the client at once, whatever it has not read yet.
ABORT: Final = "tracker.abort"


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """How many clients may be connected, and how slow each may be."""

    max_connections: int
    # For the next request's head to arrive. So an idle connection is kept as long. Common clients' pools (4 to 5 s) and nginx
    # (deploy/gateway/keepalive.conf) must keep theirs for a shorter time: a request sent while the server closes has no response.
    head_seconds: float = 30.0
    # For the rest of a body after its response was sent.
    body_rest_seconds: float = 5.0
    # Within which a client must read some of its response.
    unread_seconds: float = 30.0


class Connection(HttpToolsProtocol):
    """One client's connection."""

    def __init__(self, *args: Any, limits: ClientLimits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        # When the next request's head must have arrived; None while a request is in progress.
        self._head_due: float | None = None
        self._head_bytes = 0
        # Bytes that the client has not read yet, and since when it has read nothing.
        self._unread_bytes = 0
        self._unread_since = time.monotonic()
        self._has_read = False
        # The 400 that ends the connection, sent after the responses to the requests before it.
        self._final_response: bytes | None = None

    def connection_made(self, transport: Any) -> None:
        """Accepts the connection, or closes it if there are too many."""
        super().connection_made(transport)
        self._head_due = time.monotonic() + self._limits.head_seconds
        if len(self.connections) > self._limits.max_connections:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parses what arrived, and limits the size of a head."""
        if self._final_response is not None:
            return
        super().data_received(data)
        if self._head_due is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"A request's head may be {MAX_HEAD_BYTES} bytes long; send less in the address and the headers.")

    def on_headers_complete(self) -> None:
        """A head is complete. An exception from here becomes a 400."""
        self._head_due = None
        self._head_bytes = 0
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests in a row without reading an answer")
        super().on_headers_complete()
        # The request has its headers. uvicorn would append the trailers of a chunked body to them, which have not been checked.
        self.headers = deque(maxlen=0)  # type: ignore[assignment]

    def on_message_complete(self) -> None:
        """A request has arrived with its whole body."""
        super().on_message_complete()
        self.scope[BODY_ARRIVED] = True  # type: ignore[typeddict-unknown-key]
        self.scope[ABORT] = self.abort  # type: ignore[typeddict-unknown-key]

    def on_response_complete(self) -> None:
        """A response has been handed to the transport."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._final_response is not None:
            self._end()
        elif self.cycle.response_complete:
            self._head_due = time.monotonic() + (self._limits.body_rest_seconds if self.cycle.more_body else self._limits.head_seconds)

    def resume_writing(self) -> None:
        """The client has read most of what waited for it."""
        super().resume_writing()
        self._has_read = True

    def send_400_response(self, msg: str) -> None:
        """Ends the connection with a 400 in the usual error body. Complete requests before the malformed one are answered first."""
        if self._final_response is not None:
            return
        body = json.dumps({"error": True, "message": msg, "code": "VALIDATION_ERROR", "details": {}}).encode()
        headers = [JSON, (b"content-length", b"%d" % len(body)), (b"connection", b"close"), *security_headers([JSON])]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self._final_response = b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + body
        self._head_due = None
        if self.pipeline and self.cycle.more_body:
            # The newest request is the malformed one, and was not started.
            self.pipeline.popleft()
        elif not self.pipeline and (self.cycle is None or self.cycle.response_complete or self.cycle.more_body):
            self._end()

    def _end(self) -> None:
        if self.transport.is_closing():
            return
        is_within_response = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._final_response is not None and not is_within_response:
            self.transport.write(self._final_response)
        self.transport.close()

    def close_if_too_slow(self, now: float) -> None:
        """Disconnects a client whose head is overdue, or which has not read its response for too long."""
        if self._head_due is not None and now > self._head_due:
            self.transport.close()
        unread_bytes = self.transport.get_write_buffer_size()
        if unread_bytes == 0 or unread_bytes < self._unread_bytes or self._has_read:
            self._unread_since = now
        self._unread_bytes, self._has_read = unread_bytes, False
        if now - self._unread_since > self._limits.unread_seconds:
            self.abort()

    def abort(self) -> None:
        """Disconnects the client, and drops what it has not read."""
        # With SO_LINGER 0 the kernel drops its buffer too.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server(uvicorn.Server):
    """Checks all connections once a second, which is cheaper than a timer for each request."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stop: Callable[[], object] = lambda: None

    async def main_loop(self) -> None:
        """Ticks each second until the server is to end. uvicorn's own loop wakes ten times a second, to see whether it is."""
        stopping = asyncio.Event()
        self._stop = partial(asyncio.get_running_loop().call_soon_threadsafe, stopping.set)
        while not await self.on_tick(0):
            await stops_within(stopping, TICK_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called for a signal."""
        super().handle_exit(sig, frame)
        self._stop()

    async def on_tick(self, counter: int) -> bool:
        """Whether the server is to end. `counter` 0: uvicorn renews its headers too."""
        now = time.monotonic()
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.close_if_too_slow(now)
        return await super().on_tick(counter)


def build_server(create_app: Callable[[], ASGIApp], limits: ClientLimits) -> Server:
    """A server that does not run yet. The app configures the logs, so uvicorn must not."""
    return Server(
        uvicorn.Config(
            create_app,
            factory=True,
            loop="uvloop",
            http=partial(Connection, limits=limits),  # type: ignore[arg-type]
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            # The client's address is not used, so no header about it is trusted.
            proxy_headers=False,
            timeout_keep_alive=math.ceil(limits.head_seconds),
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )


def spare_what_is_loaded() -> None:
    """Has the garbage collector leave alone what exists now, which lives as long as the process.

    Looking through all of it would hold up some request.
    """
    gc.collect()
    gc.freeze()


def serve(create_app: Callable[[], ASGIApp], listening: socket.socket, settings: HttpSettings) -> None:
    """Serves until SIGTERM, then lets running requests end."""
    connections = allowed_connections(settings.max_connections)

    def create() -> ASGIApp:
        app = create_app()
        spare_what_is_loaded()
        if connections < settings.max_connections:
            # Logged here, because the app has configured the logs by now.
            advice = (
                f"raise the limit of open files (ulimit -Hn) to {settings.max_connections + OTHER_FILES}, or lower TRACKER_MAX_CONNECTIONS"
            )
            log.warning("fewer_connections", connections=connections, advice=advice)
        return app

    build_server(create, ClientLimits(connections)).run(sockets=[listening])


def allowed_connections(wanted: int) -> int:
    """How many connections the process may have open, at most `wanted`. Raises its soft limit of open files as far as that needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, max(soft - OTHER_FILES, soft // 2))


def serve_from_command_line(create_app: Callable[[], ASGIApp], settings: HttpSettings) -> None:
    """`python -m services.<name> [--host H] [--port N]`: one service, as in its container. UnsafeBind if other machines could use it without a key."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    check_listen_address(settings, options.host)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.create_server((options.host, options.port), family=family, backlog=2048) as listening:
        serve(create_app, listening, settings)
