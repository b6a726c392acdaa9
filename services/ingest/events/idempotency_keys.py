"""Remembers the body of each idempotency key, in a fixed amount of Redis' memory. The oldest keys are dropped.

It only detects a key that is sent again with another body. The event's id, derived from the key, identifies duplicates. If a key was
dropped, the worker still detects the other body: two events then have one id (services/worker/persist/conflicts.py).

The memory is a number of ring buffers, one string each. A key's hash selects its ring and its tag there; beside the tag is a part of the body's hash.
A new key overwrites the oldest of its ring. So the memory does not grow, and a retry writes nothing.
"""

import re
from hashlib import blake2b, sha1
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from services.ingest.events.event_ids import derived_id
from services.ingest.http.queue_errors import answering_503
from services.ingest.journal.backlog import Backlog
from shared.http.errors import Conflict, invalid

# On an accepted write: its Idempotency-Key came with the same body before. The event is one row, whether the first request or this one stored it.
# A first request that failed (503, or a crash) counts too, since ingest remembers keys and bodies, and no outcomes.
REPLAYED: Final = {"Idempotent-Replayed": "true"}
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")

# Chance of a wrong refusal: 255 in 2^48 for each write. Chance of a missed other body: 1 in 2^32.
TAG_BYTES: Final = 6
DIGEST_BYTES: Final = 4
# With its first byte, the position of the next key, and Redis' overhead, a ring fills an allocation of 2,560 bytes.
KEYS_PER_RING: Final = 255
# The string, its name and its entries in Redis' tables.
BYTES_PER_RING: Final = 2_700
# The setting cannot exceed this part of Redis' memory: the rest is for the journal. 8: an eighth.
MEMORY_DIVISOR: Final = 8
# A key is remembered for at least a day, so a write extends its ring's life to more than that. A ring without writes expires.
_DAY_SECONDS: Final = 86_400

# KEYS: a ring. ARGV: tag and digest. Answers 1 if the key is new, 2 if it came with this body, 0 if it came with another.
_CLAIM: Final = f"""
local entry_bytes = {TAG_BYTES + DIGEST_BYTES}
local ring = redis.call('GET', KEYS[1])
local head = 0
if ring then
    local at = string.find(ring, ARGV[1], 2, true)
    while at do
        if (at - 2) % entry_bytes == 0 then
            return string.sub(ring, at + {TAG_BYTES}, at + entry_bytes - 1) == ARGV[2] and 2 or 0
        end
        at = string.find(ring, ARGV[1], at + 1, true)
    end
    head = string.byte(ring, 1)
else
    redis.call('SETRANGE', KEYS[1], {KEYS_PER_RING} * entry_bytes, '\\0')
end
redis.call('SETRANGE', KEYS[1], 1 + head * entry_bytes, ARGV[1] .. ARGV[2])
redis.call('SETRANGE', KEYS[1], 0, string.char((head + 1) % {KEYS_PER_RING}))
if redis.call('TTL', KEYS[1]) < {_DAY_SECONDS} then
    redis.call('EXPIRE', KEYS[1], {2 * _DAY_SECONDS})
end
return 1
"""
# Answers of the script.
_OTHER_BODY: Final = 0
_SAME_BODY: Final = 2
_CLAIM_SHA1: Final = sha1(_CLAIM.encode(), usedforsecurity=False).hexdigest()


def read_key(header: bytes | None) -> str | None:
    """The value of an Idempotency-Key header: 1 to 255 visible ASCII characters."""
    if header is None:
        return None
    key = header.decode("latin-1")
    if not _KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return key


class ClaimedKeys:
    """The memory, which all ingest processes share: `max_bytes`, but at most an eighth of Redis' memory limit."""

    def __init__(self, redis: Redis, backlog: Backlog, max_bytes: int) -> None:
        self._redis = redis
        self._backlog = backlog
        self._max_bytes = max_bytes

    async def claim(self, scope: str, key: str, body: bytes) -> bool:
        """Whether the key came with this body before, and is remembered. Conflict if it came with another.

        It does not say whether the event was stored: the same body is always appended again, and its id shows that it is a duplicate.
        """
        # These bytes of a UUIDv5 are all hash.
        hashed = derived_id(scope, key).bytes
        async with answering_503(self._redis):
            rings = await self._rings()
            name = f"idempotency:{int.from_bytes(hashed[9:]) % rings}"
            answer = await self._run(name, hashed[:TAG_BYTES], blake2b(body, digest_size=DIGEST_BYTES).digest())
        if answer == _OTHER_BODY:
            raise Conflict(
                "This Idempotency-Key was used with another body; use a new key for a new body.",
                details={"Idempotency-Key": "used with another body"},
            )
        return answer == _SAME_BODY

    async def _rings(self) -> int:
        """How many rings there are: the same for all processes that use the same Redis."""
        if not self._backlog.is_announced:
            await self._backlog.sample()
        most = self._backlog.max_bytes
        return max((self._max_bytes if most is None else min(self._max_bytes, most // MEMORY_DIVISOR)) // BYTES_PER_RING, 1)

    async def _run(self, *words: Any) -> int:
        try:
            answer: Any = await self._redis.execute_command("EVALSHA", _CLAIM_SHA1, 1, *words)  # type: ignore[no-untyped-call]
        except NoScriptError:
            # Redis was started anew. It knows the script from now on.
            answer = await self._redis.execute_command("EVAL", _CLAIM, 1, *words)  # type: ignore[no-untyped-call]
        return int(answer)
