"""The SQL of projects and sessions on the writing side: finds them, makes those that a start needs.

Every function answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from services.ingest.postgres.database import Connection, Database
from shared.sessions.open_sessions import is_open
from shared.sql_files import statement

_sql = partial(statement, __package__, "sessions.sql")

_FIND = _sql("find")

_ENSURE_PROJECT = _sql("ensure_project")
_ENSURE_SESSION = _sql("ensure_session")
_REGISTERED = _sql("registered")

_PROJECT_OF = _sql("project_of")

# The sessions that the worker knows to be open, and those whose start is still in the journal. Live ones only: a session in an imported file is
# over, though nothing says when it ended. A start gives its session a project at once; an import's rows do not.
_OPEN = f"""
    (SELECT s.session_id, true AS applied
     FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
     WHERE {is_open("s")} AND s.seen_live
       AND (%(user_name)s::text IS NULL OR coalesce(u.alias_of, u.id) = (SELECT coalesce(alias_of, id) FROM users WHERE name = %(user_name)s))
       AND (%(project_ids)s::bigint[] IS NULL OR s.project_id = ANY(%(project_ids)s))
     LIMIT 2)
    UNION ALL
    (SELECT session_id, false FROM sessions
     WHERE NOT counted AND project_id <> 0 AND created_at > clock_timestamp() - interval '1 minute'
       AND (%(project_ids)s::bigint[] IS NULL OR project_id = ANY(%(project_ids)s))
     LIMIT 20)"""


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
            await connection.execute(_ENSURE_PROJECT, params)
            await connection.execute(_ENSURE_SESSION, params)
            row = await (await connection.execute(_REGISTERED, params)).fetchone()
        assert row is not None
        return Registered(row["project_id"], row["project_path"], row["started_at"])

    return await database.run(work)


async def find(database: Database, session_ids: Collection[str]) -> list[dict[str, Any]]:
    """{session_id, project_id (0: not known), started_at, user_name} of the sessions that exist."""
    return await database.rows(_FIND, {"session_ids": list(session_ids)})


async def project_of(database: Database, session_id: str, path: str) -> int | None:
    """The project that a session has, or would get by a start with this normalized path. None if that project does not exist."""
    rows = await database.rows(_PROJECT_OF, {"session_id": session_id, "path": path})
    return rows[0]["project_id"] if rows else None


async def find_open(database: Database, user_name: str | None, project_ids: Collection[int] | None) -> list[dict[str, Any]]:
    """{session_id, applied}: up to two open sessions of a user or of anyone, and those of any user whose start is still in the journal."""
    return await database.rows(_OPEN, {"user_name": user_name, "project_ids": None if project_ids is None else list(project_ids)})
