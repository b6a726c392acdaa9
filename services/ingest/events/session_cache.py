"""Step 2 of an event's path: is its session known? This process' memory, then Redis, then Postgres."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from services.ingest.http.queue_errors import answering_503
from services.ingest.journal.append_script import Note
from services.ingest.postgres.registry import Registry
from shared.http.errors import NotFound
from shared.redis.cluster_nodes import read_many


class KnownSession(Struct, frozen=True, omit_defaults=True):
    """What ingest remembers of a session. `project_id` is 0 until it is known, `started_at` the earliest start."""

    project_id: int = 0
    started_at: datetime | None = None
    user: str | None = None

    def merged(self, other: "KnownSession | None") -> "KnownSession":
        """Both together: a known project, the earliest start."""
        if other is None:
            return self
        starts = [start for start in (self.started_at, other.started_at) if start]
        return KnownSession(self.project_id or other.project_id, min(starts, default=None), self.user or other.user)


_decode = msgspec.json.Decoder(KnownSession).decode
_encode = msgspec.json.Encoder().encode


class KnownSessions:
    """The memory of one process, over the two others. It forgets what was used least recently."""

    def __init__(self, redis: Redis, registry: Registry, capacity: int) -> None:
        self._redis = redis
        self._registry = registry
        self._capacity = capacity
        self._recent: dict[str, KnownSession] = {}

    async def get(self, session_id: str) -> KnownSession:
        """The session; NotFound SESSION_NOT_FOUND if there is none."""
        known = self._remembered(session_id) or (await self.find({session_id})).get(session_id)
        if known is None:
            raise unknown_session(session_id)
        return known

    async def find(self, session_ids: Collection[str]) -> dict[str, KnownSession]:
        """Those of the sessions that exist."""
        found = {session_id: known for session_id in session_ids if (known := self._remembered(session_id))}
        if missing := set(session_ids) - found.keys():
            found |= await self.noted(missing)
        if missing := set(session_ids) - found.keys():
            found |= await self.registered(missing)
        self.remember(found)
        return found

    async def noted(self, session_ids: Collection[str]) -> dict[str, KnownSession]:
        """Those that Redis knows, from any ingest process, in the last 24 h."""
        names = list(session_ids)
        async with answering_503(self._redis):
            values = await read_many(self._redis, [_key(name) for name in names])
        return {name: _decode(value) for name, value in zip(names, values, strict=True) if value}

    async def registered(self, session_ids: Collection[str]) -> dict[str, KnownSession]:
        """Those that Postgres knows."""
        rows = await self._registry.find_sessions(session_ids)
        return {row["session_id"]: KnownSession(row["project_id"], row["started_at"], row["user_name"]) for row in rows}

    def remember(self, sessions: dict[str, KnownSession]) -> None:
        """Keeps sessions at hand. Call it once they are certain: registered or journalled."""
        self._recent |= sessions
        while len(self._recent) > self._capacity:
            del self._recent[next(iter(self._recent))]

    def _remembered(self, session_id: str) -> KnownSession | None:
        known = self._recent.pop(session_id, None)
        if known is not None:
            self._recent[session_id] = known
        return known


def notes_of(sessions: dict[str, KnownSession]) -> list[Note]:
    """What tells the other ingest processes; written together with the journal entry."""
    return [Note(_key(session_id), _encode(known)) for session_id, known in sessions.items()]


def unknown_session(session_id: str) -> NotFound:
    """The 404 for a session that nobody started."""
    return NotFound(
        "There is no such session; start it with POST /api/sessions/start first.",
        code="SESSION_NOT_FOUND",
        details={"session_id": session_id},
    )


def _key(session_id: str) -> str:
    return f"session:{session_id}"
