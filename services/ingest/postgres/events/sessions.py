"""The SQL of projects and sessions on the writing side: finds them, makes those that a start needs.

Every function answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.ingest.postgres.database import Connection, Database
from shared.sessions.open_sessions import is_open
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "sessions.sql")


# The condition is shared with the worker, and is the predicate of an index.
_OPEN = _SQL.open.replace("$is_open", is_open("s"))


@dataclass(frozen=True, slots=True)
class Registered:
    """A session that exists in Postgres, with the project it really has."""

    project_id: int
    project_path: str
    started_at: datetime | None


async def ensure(database: Database, session_id: str, *, path: str, name: str) -> Registered:
    """The session, made if it is missing; and its project, made if both are. `path` is normalized."""
    params = {"session_id": session_id, "path": path, "name": name}

    async def work(connection: Connection) -> Registered:
        async with connection.transaction(), connection.pipeline():
            await connection.execute(_SQL.ensure_project, params)
            await connection.execute(_SQL.ensure_session, params)
            row = await (await connection.execute(_SQL.registered, params)).fetchone()
        assert row is not None
        return Registered(row["project_id"], row["project_path"], row["started_at"])

    return await database.run(work)


async def find(database: Database, session_ids: Collection[str]) -> list[dict[str, Any]]:
    """{session_id, project_id (0: not known), started_at, user_name} of the sessions that exist."""
    return await database.rows(_SQL.find, {"session_ids": list(session_ids)})


async def project_of(database: Database, session_id: str, path: str) -> int | None:
    """The project that a session has, or would get by a start with this normalized path. None if that project does not exist."""
    rows = await database.rows(_SQL.project_of, {"session_id": session_id, "path": path})
    return rows[0]["project_id"] if rows else None


async def find_open(database: Database, user_name: str | None, project_ids: Collection[int] | None) -> list[dict[str, Any]]:
    """{session_id, applied}: up to two open sessions of a user or of anyone, and those of any user whose start is still in the journal."""
    return await database.rows(_OPEN, {"user_name": user_name, "project_ids": None if project_ids is None else list(project_ids)})
