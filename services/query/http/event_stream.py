"""Server-sent events: their headers, and the response that sends them until they end, the client leaves or stops reading, or its key ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi import Response
from starlette.types import Message, Receive, Scope, Send

from services.query.http.key_watch import KeyWatch
from shared.auth.authentication import key_of, presented_by
from shared.http.server import ABORT

MEDIA_TYPE: Final = "text/event-stream"
# Keeps proxies from buffering the stream.
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Proxies give up on a silent connection: nginx here after two minutes, others after one.
HEARTBEAT_SECONDS: Final = 15.0


class EventStream(Response):
    """Sends each chunk of `events` when the client has read most of what was sent before, so a slow client holds little memory here."""

    media_type = MEDIA_TYPE
    # A client that takes nothing of what was sent to it for so long is disconnected.
    UNREAD_SECONDS = 10.0

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keys: KeyWatch = scope["app"].state.key_watch
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with keys.watching(presented_by(scope), key_of(scope)) as refused:
            sending = asyncio.create_task(self._send_events(send))
            tasks = {sending, asyncio.create_task(_left(receive)), asyncio.create_task(refused.wait())}
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
        try:
            if not sending.cancelled():
                sending.result()
            elif not refused.is_set():
                return
            await self._send_within(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            # The server closes it in an orderly way only after the client has read what was sent.
            if abort := scope.get(ABORT):
                abort()

    async def _send_events(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            async for chunk in events:
                await self._send_within(send, {"type": "http.response.body", "body": chunk, "more_body": True})

    async def _send_within(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self.UNREAD_SECONDS):
            await send(message)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
