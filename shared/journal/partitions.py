"""How many partitions the journal has: not what a process was told, but what was ever written with, so that a change leaves nothing behind."""

from typing import TYPE_CHECKING, Any, Final

from redis import Redis

from shared.journal.streams import stream_key

if TYPE_CHECKING:
    from redis.asyncio import Redis as AsyncRedis

PARTITIONS_KEY: Final = "journal:partitions"

# KEYS: the number. ARGV: a number that is about to be written with. Gives the highest there ever was.
_ANNOUNCE = """
local highest = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > highest then
    redis.call('SET', KEYS[1], ARGV[1])
    highest = tonumber(ARGV[1])
end
return highest
"""


async def announce(redis: "AsyncRedis", partitions: int) -> int:
    """Says that so many partitions are written to from now on; gives how many there are to look at, never fewer than before.

    It never falls: a stream that nobody writes to any more costs nothing, and its account belongs to the equation.
    """
    highest: Any = await redis.eval(_ANNOUNCE, 1, PARTITIONS_KEY, partitions)
    return int(highest)


def streams_in_use(redis: "Redis", configured: int) -> list[str]:
    """Every stream that may have entries, whichever number of partitions they were written with. redis.RedisError if Redis is away."""
    announced: Any = redis.get(PARTITIONS_KEY)
    return [stream_key(partition) for partition in range(max(configured, int(announced or 0)))]
