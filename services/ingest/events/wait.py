"""`Prefer: wait=N` (RFC 7240): delays the answer until the worker has processed the request's events."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis

from services.ingest.dependencies import Ingest
from services.ingest.events.decode import event_id
from services.ingest.events.polling import Poller
from services.ingest.http import backend_deadline
from services.ingest.http.queue_errors import REDIS_FAILURES, REDIS_SECONDS
from services.ingest.http.responses import Status
from services.ingest.journal.append import Position
from services.ingest.postgres.database import Database
from services.ingest.postgres.events import outcomes
from shared.events.event_kinds import KINDS
from shared.events.messages import Event
from shared.http.concurrency import RequestSlot
from shared.http.errors import Conflict, Unavailable
from shared.journal.dead_letter_envelope import ID_TAKEN
from shared.journal.streams import dead_letter_entry_id

MAX_WAIT_SECONDS: Final = 30
FIRST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.05

# Gives the indexes of the entries that are gone. It does not return their content, which may be large.
_GONE: Final = """
local gone = {}
for i, id in ipairs(ARGV) do
    if #redis.call('XRANGE', KEYS[1], id, id) == 0 then gone[#gone + 1] = i end
end
return gone"""
_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,9})"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preference:
    """The wait that a Prefer header asks for, None without one; and the value of Preference-Applied."""

    wait_seconds: int | None = None
    applied: str | None = None

    @property
    def headers(self) -> dict[str, str] | None:
        """The headers of the answer that say which preference was applied."""
        return {"Preference-Applied": self.applied} if self.applied else None


_NONE = Preference()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcomes of a request's events. `conflicts`: ids that other events had already; those events were not stored and do not count."""

    status: Status
    conflicts: Collection[UUID] = ()


QUEUED: Final = Outcome("queued")


def preference_in(headers: Mapping[bytes, bytes], slot: RequestSlot) -> Preference:
    """The wait that the Prefer header asks for. While too many requests wait, no wait is applied, and the answer does not claim one."""
    preference = read_preference(headers.get(b"prefer"))
    return Preference(preference.wait_seconds) if preference.wait_seconds and slot.limits.waits.is_full else preference


def read_preference(header: bytes | None) -> Preference:
    """Reads `wait=N`, at most 30 s, or `respond-async`. Unknown preferences are ignored, as RFC 7240 says."""
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


class EntryWatch:
    """Finds out which entries of the journal the worker has processed."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._poller = Poller(self._find_gone, first_pause=FIRST_PAUSE_SECONDS, longest_pause=LONGEST_PAUSE_SECONDS)

    async def until_gone(self, positions: Sequence[Position]) -> None:
        """Returns when the worker has processed all of the entries. Raises one of REDIS_FAILURES if Redis is away."""
        await self._poller.until_done(*positions)

    async def _find_gone(self, positions: Collection[Position]) -> list[Position]:
        by_stream: dict[str, list[Position]] = defaultdict(list)
        for position in positions:
            by_stream[position.stream].append(position)
        gone: list[Position] = []
        async with backend_deadline.within(REDIS_SECONDS):
            for stream, there in by_stream.items():
                numbers: Any = await self._redis.eval(_GONE, 1, stream, *[position.entry_id for position in there])
                gone += [there[number - 1] for number in numbers]
        return gone


async def wait_for(
    ingest: Ingest, slot: RequestSlot, preference: Preference, positions: Sequence[Position], events: Sequence[Event]
) -> Outcome:
    """The outcome of appended events. "queued" if they are not processed in time, Redis or Postgres is away, or too many requests wait."""
    if not preference.wait_seconds or not slot.move_to(slot.limits.waits):
        return QUEUED
    backend_deadline.end()
    try:
        async with asyncio.timeout(preference.wait_seconds):
            await ingest.entry_watch.until_gone(positions)
            return await _outcome(ingest.database, positions, events)
    except (TimeoutError, Unavailable, *REDIS_FAILURES):
        # The events are safe in the journal, even if they cannot be watched.
        return QUEUED


async def _outcome(database: Database, positions: Sequence[Position], events: Sequence[Event]) -> Outcome:
    # Found by their entries: a row or a dead letter with an event's id may be another event's that has the same id.
    entry_ids = [dead_letter_entry_id(position.stream, position.entry_id.decode()) for position in positions]
    died = await outcomes.dead_letters_of(database, entry_ids)
    conflicts = Counter(each["event_id"] for each in died if each["reason"] == ID_TAKEN)
    if any(each["reason"] != ID_TAKEN for each in died):
        return Outcome("dead_letter", conflicts)
    stored = [event for event in events if event_id(event) not in conflicts]
    if not stored or await outcomes.are_stored(database, _ids_by_table(stored)):
        return Outcome("persisted", conflicts)
    # The event is neither stored nor dead: the same fact came another way, for instance in a transcript, and has another id.
    return Outcome("duplicate", conflicts)


def id_taken() -> Conflict:
    """The 409. It does not name the user of the other event, so that it reveals nothing about other users."""
    return Conflict("This id is another event's; send the event under an id of its own.", details={"id": "another event's"})


def _ids_by_table(events: Sequence[Event]) -> dict[str, set[UUID]]:
    ids: dict[str, set[UUID]] = defaultdict(set)
    for event in events:
        ids[KINDS[type(event)].table].add(event_id(event))
    return ids
