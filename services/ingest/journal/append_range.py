"""The append of a transcript's range: the check of its offset and the append are one script, so two senders cannot both append a part.

How far each file is on the journal is a Redis hash (shared/journal/streams.py). It expires, so it cannot fill Redis. Without it,
Postgres says how far the file is stored. That may be behind the journal, never ahead. The sender is then asked for a part that is on its
way already, and the worker leaves out what it has (services/worker/drain/store_captured.py).
"""

from secrets import token_hex
from typing import Any, Final, Literal

import structlog
from msgspec import Struct
from redis.asyncio import Redis

from services.ingest.http import backend_deadline
from services.ingest.http.bulkhead import Bulkhead
from services.ingest.http.queue_errors import REDIS_FAILURES, is_out_of_memory, refusal
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.confirmed_script import ConfirmedScript
from services.ingest.journal.wakeup import WakeupSender
from shared.http.concurrency import REDIS_EXCHANGES
from shared.http.errors import Unavailable
from shared.journal.streams import EPOCH_FIELD, EVENTS_FIELD, PAYLOAD_FIELD, WAKEUP_TTL_MS, accounting_key, wakeup_key
from shared.redis.cluster_nodes import Nodes

log = structlog.get_logger()

State = Literal["appended", "known", "mismatch", "superseded", "too_new", "foreign", "unknown"]

# Each time that a file was rewritten is one. A tracker that begins anew has not seen the earlier ones.
MAX_NEW_GENERATIONS: Final = 1_000_000

# KEYS: stream, its account and wake-up, the file. ARGV: TTL of a wake-up in ms, TTL of a file in s, a name for an account that has to be made,
# payload, generation, start, end. Then the range's user, and its user again if only that one may write; the generation, offset and user that
# Postgres has, or nothing. Answers a State, the file's generation and the offset wanted, whether a wake-up is due, and the file's user.
# Numbers are written as they came: Lua would round large ones when it makes text of them.
_APPEND_RANGE: Final = f"""
local known = redis.call('HMGET', KEYS[4], 'generation', 'offset', 'user')
local generation, offset, user = known[1], known[2], known[3] or ''
if not offset then
    if ARGV[10] == '' then
        return {{'unknown', '0', '0', 0, ''}}
    end
    generation, offset, user = ARGV[10], ARGV[11], ARGV[12]
end
if ARGV[9] ~= '' and user ~= '' and user ~= ARGV[9] then
    return {{'foreign', generation, offset, 0, user}}
end
if tonumber(ARGV[5]) < tonumber(generation) then
    return {{'superseded', generation, offset, 0, user}}
end
if tonumber(ARGV[5]) > tonumber(generation) + {MAX_NEW_GENERATIONS} then
    return {{'too_new', generation, offset, 0, user}}
end
if tonumber(ARGV[5]) > tonumber(generation) then
    generation, offset = ARGV[5], '0'
end
if tonumber(ARGV[7]) <= tonumber(offset) then
    return {{'known', generation, offset, 0, user}}
end
if tonumber(ARGV[6]) ~= tonumber(offset) then
    return {{'mismatch', generation, offset, 0, user}}
end
local epoch = redis.call('HGET', KEYS[2], '{EPOCH_FIELD}')
if not epoch then
    epoch = ARGV[3]
    redis.call('HSET', KEYS[2], '{EPOCH_FIELD}', epoch, 'settled', 0)
end
redis.call('XADD', KEYS[1], '*', '{PAYLOAD_FIELD}', ARGV[4], '{EPOCH_FIELD}', epoch, '{EVENTS_FIELD}', 1)
redis.call('HINCRBY', KEYS[2], 'accepted', 1)
if user == '' then
    user = ARGV[8]
end
redis.call('HSET', KEYS[4], 'generation', generation, 'offset', ARGV[7], 'user', user)
redis.call('EXPIRE', KEYS[4], ARGV[2])
local is_due = redis.call('SET', KEYS[3], 1, 'NX', 'PX', ARGV[1]) and 1 or 0
return {{'appended', generation, ARGV[7], is_due, user}}
"""


class FileOffset(Struct, frozen=True):
    """How far a file is: its newest generation, the offset from which it goes on, and whose it is."""

    generation: int
    offset: int
    user: str | None


class Appended(Struct, frozen=True):
    """`appended`: it is on the journal. `known`: all of it was there before. `mismatch`: it does not begin at `offset`.

    `superseded`: the file has a newer generation. `too_new`: its own is out of reach. `foreign`: it is another user's. `unknown`: only Postgres
    knows how far the file is; ask again with that. `generation`, `offset`, `user`: the file's, after the append.
    """

    state: State
    generation: int
    offset: int
    user: str


class RangeJournal:
    """The side of the journal that appends ranges. `replicas`: how many Redis replicas must have an append on disk before it is confirmed."""

    def __init__(self, redis: Redis, wakeups: WakeupSender, backlog: Backlog, replicas: int = 0) -> None:
        self._nodes = Nodes(redis)
        self._script = ConfirmedScript(_APPEND_RANGE, self._nodes, replicas)
        self._wakeups = wakeups
        self._backlog = backlog
        self._bulkhead = Bulkhead(REDIS_EXCHANGES)

    async def aclose(self) -> None:
        """Closes the connections that it opened."""
        await self._nodes.aclose()

    async def append(
        self,
        stream: str,
        file_key: str,
        payload: bytes,
        *,
        generation: int,
        start: int,
        end: int,
        user: str | None,
        only_user: str | None,
        stored: FileOffset | None = None,
    ) -> Appended:
        """Appends the range, if the file goes on at `start`, and has no user, or `only_user` where that is set.

        `stored`: how far Postgres has the file; used only if Redis does not know it.

        Unavailable BACKLOG_FULL if there is no room, QUEUE_UNAVAILABLE if Redis does not confirm it. Sent again, it is appended once.
        """
        self._backlog.reserve(len(payload))
        words: tuple[Any, ...] = (
            (4, stream, accounting_key(stream), wakeup_key(stream), file_key, WAKEUP_TTL_MS, self._backlog.cache_entry_seconds)
            + (f"{token_hex(8)}-1", payload, generation, start, end)
            + (user or "", only_user or "")
            + ((stored.generation, stored.offset, stored.user or "") if stored else ("", "", ""))
        )
        try:
            async with self._bulkhead.slot():
                with backend_deadline.waiting() as seconds:
                    async with backend_deadline.within(seconds):
                        if not self._backlog.is_announced:
                            await self._backlog.sample()
                        state, in_generation, offset, is_due, owner = await self._script.run(stream, *words)
        except REDIS_FAILURES as error:
            log.error("range_not_appended", reason=type(error).__name__)
            raise _refusal(error) from error
        if is_due:
            self._wakeups.wake_workers()
        return Appended(state.decode(), int(in_generation), int(offset), owner.decode())


def _refusal(error: BaseException) -> Unavailable:
    if is_out_of_memory(error):
        return refusal(error)
    return Unavailable(
        "The queue did not confirm this in time, so it may have been kept or not; send it again, it is kept once.", code="QUEUE_UNAVAILABLE"
    )
