"""Ingest's connections to Postgres, and the SQL of projects, sessions and stored events. The other modules of this folder run theirs through them.

Every method answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed

from services.ingest.http import request_deadline
from services.ingest.http.bulkhead import Bulkhead
from shared.database import connect_options
from shared.http.errors import Unavailable

log = structlog.get_logger()

DATABASE_SECONDS = request_deadline.SECONDS

T = TypeVar("T")
Connection = psycopg.AsyncConnection[dict[str, Any]]

_FIND = """
    SELECT s.session_id, s.project_id, s.started_at, u.name AS user_name
    FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
    WHERE s.session_id = ANY(%(session_ids)s)"""

# A session that has a project keeps it, so a project is made only for one that has none.
_ENSURE_PROJECT = """
    INSERT INTO projects (path, name)
    SELECT %(path)s, %(name)s
    WHERE NOT EXISTS (SELECT FROM sessions WHERE session_id = %(session_id)s AND project_id <> 0)
      AND NOT EXISTS (SELECT FROM projects WHERE path_key = md5(%(path)s)::uuid)
    ON CONFLICT DO NOTHING"""
# Checked before: ON CONFLICT alone would wait for a worker that is changing the row, as long as that takes.
_ENSURE_SESSION = """
    INSERT INTO sessions (session_id, project_id)
    SELECT %(session_id)s, id FROM projects
    WHERE path_key = md5(%(path)s)::uuid AND NOT EXISTS (SELECT FROM sessions WHERE session_id = %(session_id)s)
    ON CONFLICT DO NOTHING"""
# project_id 0: the session came in events or an import before its start. The worker moves it when it applies the start.
_REGISTERED = """
    SELECT p.id AS project_id, p.path AS project_path, s.started_at
    FROM sessions AS s
    JOIN projects AS p ON CASE WHEN s.project_id = 0 THEN p.path_key = md5(%(path)s)::uuid ELSE p.id = s.project_id END
    WHERE s.session_id = %(session_id)s"""

_PROJECT_OF = """
    SELECT coalesce(s.project_id, p.id) AS project_id
    FROM (SELECT 1) AS one
    LEFT JOIN sessions AS s ON s.session_id = %(session_id)s AND s.project_id <> 0
    LEFT JOIN projects AS p ON p.path_key = md5(%(path)s)::uuid
    WHERE coalesce(s.project_id, p.id) IS NOT NULL"""

# The sessions that the worker knows to be open, and those whose start is still in the journal. Live ones only: a session in an imported file is
# over, though nothing says when it ended. A start gives its session a project at once; an import's rows do not.
_OPEN = """
    (SELECT s.session_id, true AS applied
     FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
     WHERE s.counted AND s.seen_live AND NOT (coalesce(s.ended_at >= s.last_event_at, false) OR coalesce(s.idle_closed_at >= s.last_event_at, false))
       AND (%(user_name)s::text IS NULL OR u.name = %(user_name)s)
       AND (%(project_ids)s::bigint[] IS NULL OR s.project_id = ANY(%(project_ids)s))
     LIMIT 2)
    UNION ALL
    (SELECT session_id, false FROM sessions
     WHERE NOT counted AND project_id <> 0 AND created_at > clock_timestamp() - interval '1 minute'
       AND (%(project_ids)s::bigint[] IS NULL OR project_id = ANY(%(project_ids)s))
     LIMIT 20)"""

_DEAD_LETTERS_OF = "SELECT id, event_id, reason FROM dead_letters WHERE stored_at IS NULL AND journal_entry_id = ANY(%(entry_ids)s)"
_STORED = "SELECT count(*) AS stored FROM {table} WHERE id = ANY(%(ids)s)"


@dataclass(frozen=True, slots=True)
class Registered:
    """A session that exists in Postgres, with the project it really has."""

    project_id: int
    project_path: str
    started_at: datetime | None


class Registry:
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

    async def ensure_session(self, session_id: str, *, path: str, name: str) -> Registered:
        """The session, made if it is missing; and its project, made if both are. `path` is normalized."""
        params = {"session_id": session_id, "path": path, "name": name}

        async def ensure(connection: Connection) -> Registered:
            async with connection.transaction(), connection.pipeline():
                await connection.execute(_ENSURE_PROJECT, params)
                await connection.execute(_ENSURE_SESSION, params)
                row = await (await connection.execute(_REGISTERED, params)).fetchone()
            assert row is not None
            return Registered(row["project_id"], row["project_path"], row["started_at"])

        return await self.run(ensure)

    async def find_sessions(self, session_ids: Collection[str]) -> list[dict[str, Any]]:
        """{session_id, project_id (0: not known), started_at, user_name} of the sessions that exist."""
        return await self.rows(_FIND, {"session_ids": list(session_ids)})

    async def project_of(self, session_id: str, path: str) -> int | None:
        """The project that a session has, or would get by a start with this normalized path. None if that project does not exist."""
        rows = await self.rows(_PROJECT_OF, {"session_id": session_id, "path": path})
        return rows[0]["project_id"] if rows else None

    async def open_sessions(self, user_name: str | None, project_ids: Collection[int] | None = None) -> list[dict[str, Any]]:
        """{session_id, applied}: up to two open sessions of a user or of anyone, and those of any user whose start is still in the journal."""
        return await self.rows(_OPEN, {"user_name": user_name, "project_ids": None if project_ids is None else list(project_ids)})

    async def are_stored(self, ids_by_table: Mapping[str, Collection[UUID]]) -> bool:
        """Whether all ids are in their tables."""
        for table, ids in ids_by_table.items():
            [row] = await self.rows(_STORED.format(table=table), {"ids": list(ids)})
            if row["stored"] < len(ids):
                return False
        return True

    async def dead_letters_of(self, entry_ids: Collection[str]) -> list[dict[str, Any]]:
        """{id, event_id, reason} of the dead letters that came in these entries of the journal and are not stored since."""
        return await self.rows(_DEAD_LETTERS_OF, {"entry_ids": list(entry_ids)})

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
        with request_deadline.waiting() as seconds:
            await request_deadline.wait_within(task, seconds)
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
