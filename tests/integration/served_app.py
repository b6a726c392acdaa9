"""A small app behind the product's server, and clients that speak to its socket."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from deploy.embedded.paths import REPOSITORY
from shared.http.server import BODY_ARRIVED, ClientLimits, build_server

IMPATIENT = ClientLimits(max_connections=8, head_seconds=0.5, body_rest_seconds=0.5, unread_seconds=1)
LOOKS_EVERY_SECONDS = 1
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
# Tells a hang; nothing here takes this long.
HANG_SECONDS = 30
LASTING = replace(IMPATIENT, head_seconds=HANG_SECONDS, body_rest_seconds=HANG_SECONDS)


class App:
    """Answers at once; /take when it has the body, /large with more than a socket holds, as long as somebody takes it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.arrived_whole: list[bool] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.large_ended = threading.Event()

    async def _take(self, scope: Scope, receive: Receive) -> None:
        self.arrived_whole.append(BODY_ARRIVED in scope)
        body, message = b"", {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        await asyncio.sleep(0.05)  # for whatever came with it to be looked at
        self.bodies.append(body)
        self.headers = list(scope["headers"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        if scope["path"] == "/take":
            await self._take(scope, receive)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"server-timing", b"db;dur=1.0")]})
        if scope["path"] == "/large":
            for _ in range(64):
                await send({"type": "http.response.body", "body": bytes(1024 * 1024), "more_body": True})
            self.large_ended.set()
        await send({"type": "http.response.body", "body": b"answer"})


class Served:
    """The app behind a socket."""

    def __init__(self, app: App, address: Any) -> None:
        self.app = app
        self._address = address

    @property
    def port(self) -> int:
        return int(self._address[1])

    def connect(self) -> socket.socket:
        client = socket.create_connection(self._address, timeout=HANG_SECONDS)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return client

    def ask(self) -> bytes:
        """A whole exchange by somebody who behaves."""
        with self.connect() as client:
            client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            return rest(client)


@contextmanager
def running(app: Any, limits: ClientLimits = IMPATIENT) -> Iterator[Any]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = build_server(lambda: app, limits)
        thread = threading.Thread(target=ours.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            ours.should_exit = True
            thread.join(HANG_SECONDS)
            assert not thread.is_alive()


def rest(client: socket.socket) -> bytes:
    """All bytes until the server closes the connection, whichever way it does."""
    got = bytearray()
    with suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            got += chunk
    return bytes(got)


@contextmanager
def embedded_gateway(database_url: str, redis_url: str, blobs: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """The process that serves both APIs in the embedded stack, and its URL. It is killed at the end, if it has not ended itself."""
    environment = {
        "TRACKER_DATABASE_URL": database_url,
        "TRACKER_QUERY_DATABASE_URL": database_url,
        "TRACKER_REDIS_URL": redis_url,
        "TRACKER_BLOB_URL": blobs.as_uri(),
    }
    listening = socket.create_server(("127.0.0.1", 0))
    command = [sys.executable, "-m", "deploy.embedded.servers.gateway", str(listening.fileno())]
    gateway = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | environment, pass_fds=[listening.fileno()])
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()
    try:
        yield gateway, url
    finally:
        gateway.kill()
        gateway.wait()
