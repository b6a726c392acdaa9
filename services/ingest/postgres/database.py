"""Ingest's connections to Postgres. The other modules of this folder run their SQL on them.

Every method answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import psycopg
import structlog
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed

from services.ingest.http import backend_deadline
from services.ingest.http.bulkhead import Bulkhead
from shared.database import connect_options
from shared.http.errors import Unavailable

log = structlog.get_logger()

DATABASE_SECONDS = backend_deadline.SECONDS

T = TypeVar("T")
Connection = psycopg.AsyncConnection[dict[str, Any]]


class Database:
    """The connection pool; one in each process. Connects when `open` is called, and keeps trying while Postgres is away."""

    def __init__(self, database_url: str, *, connections: int) -> None:
        options = connect_options(statement_timeout_ms=2_000, lock_timeout_ms=1_000, read_only=False)
        self._bulkhead = Bulkhead(connections)
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            database_url,
            kwargs=options | {"application_name": "tracker-ingest", "autocommit": True, "row_factory": dict_row},
            connection_class=psycopg.AsyncConnection[dict[str, Any]],
            min_size=1,
            max_size=connections,
            timeout=DATABASE_SECONDS,
            # The pool tries less often the longer it has failed; 10 keeps the pause to a few seconds.
            reconnect_timeout=10,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )

    async def open(self) -> None:
        """Begins to connect; does not wait for it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Closes the connections."""
        await self._pool.close(timeout=2)

    async def ping(self) -> None:
        """Shows that Postgres answers, without queueing behind the requests."""

        async def ask(connection: Connection) -> None:
            await connection.execute("SELECT 1")

        await self._run(ask)

    async def rows(self, statement: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of one statement."""

        async def fetch(connection: Connection) -> list[dict[str, Any]]:
            return await (await connection.execute(statement.encode(), params)).fetchall()

        return await self.run(fetch)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Runs `work` on a connection, which commits each statement by itself."""
        try:
            async with self._bulkhead.slot():
                return await self._run(work)
        except TimeoutError:
            raise _unavailable("Queue") from None

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def on_connection() -> T:
            async with self._pool.connection() as connection:
                return await work(connection)

        task = asyncio.create_task(on_connection())
        # Not wait_for: it would also wait for the cancelled work, which takes long if the server hangs.
        with backend_deadline.waiting() as seconds:
            await backend_deadline.wait_within(task, seconds)
        if not task.done():
            task.cancel()
            raise _unavailable("Timeout")
        try:
            return task.result()
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolClosed) as error:
            raise _unavailable(type(error).__name__) from error


def _unavailable(reason: str) -> Unavailable:
    log.error("database_unavailable", reason=reason)
    return Unavailable("The database does not answer; send this again in a moment.", code="DATABASE_UNAVAILABLE")
