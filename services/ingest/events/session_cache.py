"""Looks up sessions in this process' memory, then in Redis, then in Postgres."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from services.ingest.http.queue_errors import answering_503
from services.ingest.journal.append import CacheEntry
from services.ingest.postgres.admin import users
from services.ingest.postgres.database import Database
from services.ingest.postgres.events import sessions
from shared.http.errors import NotFound
from shared.redis.cluster_nodes import read_many


class CachedSession(Struct, frozen=True, omit_defaults=True):
    """A session as ingest caches it. `project_id` is 0 until it is known; `started_at` is the earliest start."""

    project_id: int = 0
    started_at: datetime | None = None
    user: str | None = None

    def merged(self, other: "CachedSession | None") -> "CachedSession":
        """Both together: a known project, the earliest start, a known user."""
        if other is None:
            return self
        starts = [start for start in (self.started_at, other.started_at) if start]
        return CachedSession(self.project_id or other.project_id, min(starts, default=None), self.user or other.user)


_decode = msgspec.json.Decoder(CachedSession).decode
_encode = msgspec.json.Encoder().encode


class SessionCache:
    """The memory of one process, in front of Redis and Postgres. It drops the least recently used sessions."""

    def __init__(self, redis: Redis, database: Database, capacity: int) -> None:
        self._redis = redis
        self._database = database
        self._capacity = capacity
        self._recent: dict[str, CachedSession] = {}

    async def get(self, session_id: str) -> CachedSession:
        """The session; NotFound SESSION_NOT_FOUND if it does not exist."""
        session = self._find_in_memory(session_id) or (await self.find({session_id})).get(session_id)
        if session is None:
            raise unknown_session(session_id)
        return session

    async def find(self, session_ids: Collection[str]) -> dict[str, CachedSession]:
        """The sessions that exist."""
        found = {session_id: session for session_id in session_ids if (session := self._find_in_memory(session_id))}
        if missing := set(session_ids) - found.keys():
            found |= await self.find_in_redis(missing)
        if missing := set(session_ids) - found.keys():
            found |= await self.find_in_postgres(missing)
        self.remember(found)
        return found

    async def find_in_redis(self, session_ids: Collection[str]) -> dict[str, CachedSession]:
        """The sessions that any ingest process has stored in Redis, in the last 24 h."""
        names = list(session_ids)
        async with answering_503(self._redis):
            values = await read_many(self._redis, [_key(name) for name in names])
        return {name: _decode(value) for name, value in zip(names, values, strict=True) if value}

    async def find_in_postgres(self, session_ids: Collection[str]) -> dict[str, CachedSession]:
        """The sessions that are in Postgres."""
        rows = await sessions.find(self._database, session_ids)
        return {row["session_id"]: CachedSession(row["project_id"], row["started_at"], row["user_name"]) for row in rows}

    async def names_of(self, user: str) -> set[str]:
        """All names of a user: a user who was renamed or merged has several, and a cached session may have a former one."""
        return await users.names_of(self._database, user)

    def remember(self, known: dict[str, CachedSession]) -> None:
        """Caches sessions in this process. Call it only for sessions that are in Postgres or whose start is in the journal."""
        self._recent |= known
        while len(self._recent) > self._capacity:
            del self._recent[next(iter(self._recent))]

    def _find_in_memory(self, session_id: str) -> CachedSession | None:
        session = self._recent.pop(session_id, None)
        if session is not None:
            self._recent[session_id] = session
        return session


def cache_entries(known: dict[str, CachedSession]) -> list[CacheEntry]:
    """The cache entries that make the sessions known to the other ingest processes; written to Redis with the journal's entries."""
    return [CacheEntry(_key(session_id), _encode(session)) for session_id, session in known.items()]


def unknown_session(session_id: str) -> NotFound:
    """The 404 for a session that does not exist."""
    return NotFound(
        "There is no such session; start it with POST /api/sessions/start first.",
        code="SESSION_NOT_FOUND",
        details={"session_id": session_id},
    )


def _key(session_id: str) -> str:
    return f"session:{session_id}"
