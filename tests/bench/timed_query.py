"""The query service as it is, but that each answer says in `Server-Timing` how long its statements took and how many they were."""

import time
from contextvars import ContextVar
from typing import Any, Self

import psycopg
from fastapi import FastAPI
from sqlalchemy import Pool, event
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.app import create_app as create_query_app

# Seconds of each statement of the request that is being answered.
_statements: ContextVar[list[float]] = ContextVar("statements")


def create_app() -> FastAPI:
    """The app factory that the benchmark starts."""
    event.listen(Pool, "connect", _time_statements)
    app = create_query_app()
    app.add_middleware(ServerTiming)
    return app


def _time_statements(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.cursor_factory = TimedCursor


class TimedCursor(psycopg.Cursor[Any]):
    """Notes how long each statement of a request takes."""

    def execute(self, *args: Any, **options: Any) -> Self:
        started_at = time.perf_counter()
        executed = super().execute(*args, **options)
        statements = _statements.get(None)
        if statements is not None:
            statements.append(time.perf_counter() - started_at)
        return executed


class ServerTiming:
    """ASGI: sums up what TimedCursor saw of one request. The list is shared with the thread that answers, whose context is a copy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        statements: list[float] = []
        _statements.set(statements)

        async def send_timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["server-timing"] = f"db;dur={sum(statements) * 1000:.3f};desc={len(statements)}"
            await send(message)

        await self.app(scope, receive, send_timed)
