"""HTTP/1.1 as a client of the crowd speaks it: one connection, kept open, a request at a time, bodies as slowly as one likes."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, and what the body says in JSON; None for a body that is no JSON."""

    status: int
    content: Any

    @property
    def outcome(self) -> str:
        """ "201 queued", "503 OVERLOADED", "200"."""
        said = self.content if isinstance(self.content, dict) else {}
        word = said.get("code") or said.get("status")
        return f"{self.status} {word}" if isinstance(word, str) else str(self.status)


class Connection:
    """To a server on this machine. Connects when it has to: a server may close a connection that was idle."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One exchange. OSError if the server closes the connection without an answer, but not if it did so before it was asked."""
        content = b"" if body is None else json.dumps(body).encode()
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))} if body is not None else {}
        request = _head(method, path, headers) + content
        for is_first_try in (True, False):
            was_open = self._writer is not None
            try:
                await self._send(request)
                return await self._answer()
            except (OSError, asyncio.IncompleteReadError) as error:
                self.close()
                if not (is_first_try and was_open):
                    raise ConnectionError(f"{method} {path}: {type(error).__name__}") from error
        raise AssertionError("not reached")

    async def upload(self, path: str, pieces: AsyncIterator[bytes], size: int, **headers: str) -> Answer:
        """Sends a body of so many bytes piece by piece; stops sending when the answer comes before the end."""
        self.close()
        await self._send(_head("POST", path, headers | {"Content-Length": str(size)}))
        answering = asyncio.create_task(self._answer())
        try:
            async for piece in pieces:
                if answering.done():
                    break
                await self._send(piece)
        except asyncio.CancelledError:
            answering.cancel()
            raise
        except OSError:
            pass  # the answer says why it wants no more
        try:
            return await answering
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ConnectionError(f"POST {path}: {type(error).__name__}") from error
        finally:
            self.close()

    async def stream(self, path: str) -> AsyncGenerator[int | bytes, None]:
        """The status of an answer that has no end, then what comes; or the whole of one that has an end."""
        self.close()
        await self._send(_head("GET", path, {}))
        assert self._reader is not None
        head = await self._reader.readuntil(b"\r\n\r\n")
        yield int(head.split(b" ", 2)[1])
        while chunk := await self._reader.read(65536):
            yield chunk

    async def _send(self, data: bytes) -> None:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(data)
        await self._writer.drain()

    async def _answer(self) -> Answer:
        assert self._reader is not None
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await self._reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection") == "close":
            self.close()
        is_json = fields.get("content-type", "").startswith("application/json")
        return Answer(status, json.loads(body) if is_json and body else None)

    def close(self) -> None:
        """Lets go of the connection."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
