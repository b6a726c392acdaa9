"""A request at the door of an app that notes what comes through, and what was answered."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.bind_safety import HttpSettings
from shared.http.middleware import error_response
from shared.http.request_admission import Admission

Headers = dict[str, str]


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    code: str | None = None
    headers: Headers = field(default_factory=dict)


class Door:
    """An app of its own, with settings given as they would be in the environment."""

    def __init__(self, app: ASGIApp | None = None, **settings: Any) -> None:
        self.let_in: list[str] = []
        self._door = Admission(app or self._note, HttpSettings(**settings), error_response)

    async def _note(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.let_in.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"in"})

    def ask(self, method: str = "GET", host: str | None = "localhost:8000", /, *, over: str = "127.0.0.1", **headers: str) -> Answer:
        """Sends one request. Header names are given with underscores; `over`: the address on this side."""
        sent = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        return asyncio.run(self.send([(b"host", host.encode("latin-1")), *sent] if host is not None else sent, method, over))

    async def send(
        self, headers: list[tuple[bytes, bytes]], method: str = "GET", over: str = "127.0.0.1", path: str = "/api/projects"
    ) -> Answer:
        """The same, with the headers as they are on the wire."""
        answer = Answer()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}

        scope = {"type": "http", "method": method, "path": path, "headers": headers, "server": (over, 8000)}
        await self._door(scope, receive, note)
        answer.code = scope.get("error_code")  # type: ignore[assignment]
        return answer
