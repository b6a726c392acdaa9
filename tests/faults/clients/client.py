"""A light HTTP/1.1 client: one connection, one request at a time. It leaves the machine's two cores to what is being tested."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

# A killed API keeps its listening socket, so a request may wait there until the next process is up.
ANSWER_SECONDS = 20.0

# The meaning of no answer: the connection was refused, cut, or silent.
NO_ANSWER = (OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """Keeps its connection while that is good, and opens another one when it is not."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(
        self, path: str, body: bytes, *, content_type: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer. One of NO_ANSWER if none came; the request may then have been done or not."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        return await self._ask(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{lines}", body)

    async def get(self, path: str) -> Answer:
        """The same without a body."""
        return await self._ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n", b"")

    async def _ask(self, head: str, body: bytes) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._writer is None:
                    self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
                self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                await self._writer.drain()
                return await self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drops the connection."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _read(self) -> Answer:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(status_line.split()[1]), headers, body)
