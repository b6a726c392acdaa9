"""`Prefer: wait=N` (RFC 7240): holds an answer until the worker has dealt with what the request brought."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from services.ingest import patience
from services.ingest.answers import Status
from services.ingest.journal import Position
from services.ingest.messages_in import event_id
from services.ingest.queue_errors import REDIS_FAILURES, REDIS_SECONDS
from services.ingest.registry import Registry
from shared.errors import Unavailable
from shared.messages import Activity, Conversation, Event, SessionEnd, SessionStart, ToolCall

MAX_WAIT_SECONDS: Final = 30
FIRST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.05

_TABLES: Final[dict[type, str]] = {
    SessionStart: "session_events",
    SessionEnd: "session_events",
    Conversation: "messages",
    Activity: "activities",
    ToolCall: "tool_calls",
}
_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,9})"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preference:
    """What a Prefer header asks for: how long to wait, None if it says nothing of it; and what to answer as applied."""

    wait_seconds: int | None = None
    applied: str | None = None

    @property
    def headers(self) -> dict[str, str] | None:
        """The answer's headers that say which preference was applied."""
        return {"Preference-Applied": self.applied} if self.applied else None


_NONE = Preference()


def read_preference(header: bytes | None) -> Preference:
    """`wait=N`, N cut to 30 s, or `respond-async`. What is not understood is ignored, as RFC 7240 says."""
    if header is None:
        return _NONE
    for token in header.decode("latin-1").split(","):
        name = token.partition(";")[0].strip()
        if name.lower() == "respond-async":
            return Preference(0, "respond-async")
        if match := _WAIT.fullmatch(name):
            seconds = min(int(match[1]), MAX_WAIT_SECONDS)
            return Preference(seconds, f"wait={seconds}")
    return _NONE


async def wait_for(
    preference: Preference, redis: Redis, registry: Registry, positions: Sequence[Position], events: Sequence[Event]
) -> Status:
    """What became of journalled events: "queued" if they are not dealt with in time, or if that can't be found out."""
    if not preference.wait_seconds:
        return "queued"
    patience.end()
    try:
        async with asyncio.timeout(preference.wait_seconds):
            for position in positions:
                await until_gone(redis, position)
            return await _outcome(registry, events)
    except (TimeoutError, Unavailable, *REDIS_FAILURES):
        # The events are safe in the journal, whatever stops us from watching them.
        return "queued"


async def _outcome(registry: Registry, events: Sequence[Event]) -> Status:
    if await registry.are_stored(_ids_by_table(events)):
        return "persisted"
    # Left out without being dead: what it says came by another way, a transcript for instance, and has another id.
    return "dead_letter" if await registry.are_dead([event_id(event) for event in events]) else "duplicate"


async def until_gone(redis: Redis, position: Position) -> None:
    """Returns when the worker has dealt with an entry."""
    pause = FIRST_PAUSE_SECONDS
    while not await _is_gone(redis, position):
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


async def _is_gone(redis: Redis, at: Position) -> bool:
    async with asyncio.timeout(REDIS_SECONDS):
        return not await redis.xrange(at.stream, at.entry_id, at.entry_id)


def _ids_by_table(events: Sequence[Event]) -> dict[str, set[UUID]]:
    ids: dict[str, set[UUID]] = defaultdict(set)
    for event in events:
        ids[_TABLES[type(event)]].add(event_id(event))
    return ids
