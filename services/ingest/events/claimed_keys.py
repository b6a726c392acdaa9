"""Which body each Idempotency-Key came with: a memory of fixed size in Redis, out of which the oldest keys fall.

It only tells the same key with another body at the door. What is a duplicate is judged by the event's id, which is derived from the key; and a
body whose key has fallen out is still found by the worker, as an event whose id is another's (services/worker/persist/conflicts.py).

The memory is a number of rings, one string each. A key's hash names its ring and, in it, its tag; beside the tag is a part of the body's hash.
A new key overwrites the oldest of its ring. So Redis holds no more of them however many come, and a retry writes nothing.
"""

from hashlib import blake2b, sha1
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from services.ingest.http.idempotency import derived_id
from services.ingest.http.queue_errors import answering_503
from services.ingest.journal.backlog import Backlog
from shared.http.errors import Conflict

# A wrong "another body" has a chance of 255 in 2^48 a write, a missed one 1 in 2^32.
TAG_BYTES: Final = 6
DIGEST_BYTES: Final = 4
# With its head and Redis' own it just fills an allocation of 2,560 bytes; a byte tells where the next one goes.
KEYS_OF_A_RING: Final = 255
# The string, its name, its entries in Redis' tables.
BYTES_OF_A_RING: Final = 2_700
# Of Redis' limit, whatever the setting says: the room is the journal's.
LARGEST_SHARE: Final = 8
# A key stays for a day at least, so a ring that is written to has more than a day to live; one that is not goes.
_DAY_SECONDS: Final = 86_400

# KEYS: a ring. ARGV: tag and digest. 1: the key is new, or came with this body. 0: it came with another.
_CLAIM: Final = f"""
local entry_bytes = {TAG_BYTES + DIGEST_BYTES}
local ring = redis.call('GET', KEYS[1])
local head = 0
if ring then
    local at = string.find(ring, ARGV[1], 2, true)
    while at do
        if (at - 2) % entry_bytes == 0 then
            return string.sub(ring, at + {TAG_BYTES}, at + entry_bytes - 1) == ARGV[2] and 1 or 0
        end
        at = string.find(ring, ARGV[1], at + 1, true)
    end
    head = string.byte(ring, 1)
else
    redis.call('SETRANGE', KEYS[1], {KEYS_OF_A_RING} * entry_bytes, '\\0')
end
redis.call('SETRANGE', KEYS[1], 1 + head * entry_bytes, ARGV[1] .. ARGV[2])
redis.call('SETRANGE', KEYS[1], 0, string.char((head + 1) % {KEYS_OF_A_RING}))
if redis.call('TTL', KEYS[1]) < {_DAY_SECONDS} then
    redis.call('EXPIRE', KEYS[1], {2 * _DAY_SECONDS})
end
return 1
"""
_CLAIM_SHA1: Final = sha1(_CLAIM.encode(), usedforsecurity=False).hexdigest()


class ClaimedKeys:
    """The memory, which all ingest processes share. It has `max_bytes`, but no more than an eighth of what Redis may hold."""

    def __init__(self, redis: Redis, backlog: Backlog, max_bytes: int) -> None:
        self._redis = redis
        self._backlog = backlog
        self._max_bytes = max_bytes

    async def claim(self, route: str, key: str, body: bytes) -> None:
        """Conflict if the key came with another body before and has not fallen out.

        It does not tell whether the event was kept: the same body is always journalled again, and its id is the judge.
        """
        # Of a UUIDv5 these bytes are all hash.
        hashed = derived_id(route, key).bytes
        async with answering_503(self._redis):
            rings = await self._rings()
            name = f"idempotency:{int.from_bytes(hashed[9:]) % rings}"
            is_free = await self._run(name, hashed[:TAG_BYTES], blake2b(body, digest_size=DIGEST_BYTES).digest())
        if not is_free:
            raise Conflict(
                "This Idempotency-Key was used with another body; use a new key for a new body.",
                details={"Idempotency-Key": "used with another body"},
            )

    async def _rings(self) -> int:
        """How many there are: the same for every process before the same Redis."""
        if not self._backlog.is_announced:
            await self._backlog.sample()
        most = self._backlog.max_bytes
        return max((self._max_bytes if most is None else min(self._max_bytes, most // LARGEST_SHARE)) // BYTES_OF_A_RING, 1)

    async def _run(self, *words: Any) -> bool:
        try:
            free: Any = await self._redis.execute_command("EVALSHA", _CLAIM_SHA1, 1, *words)  # type: ignore[no-untyped-call]
        except NoScriptError:
            # A Redis that has started anew: it knows the script from now on.
            free = await self._redis.execute_command("EVAL", _CLAIM, 1, *words)  # type: ignore[no-untyped-call]
        return bool(free)
