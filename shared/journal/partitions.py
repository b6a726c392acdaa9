"""The number of partitions: the highest that was ever written with, so that a lower setting leaves no entries behind."""

from typing import TYPE_CHECKING, Any, Final

from redis import Redis

from shared.journal.streams import stream_key

if TYPE_CHECKING:
    from redis.asyncio import Redis as AsyncRedis

PARTITIONS_KEY: Final = "journal:partitions"

# KEYS: the number. ARGV: the number of partitions that will be written to. Gives the highest there ever was.
_ANNOUNCE = """
local highest = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > highest then
    redis.call('SET', KEYS[1], ARGV[1])
    highest = tonumber(ARGV[1])
end
return highest
"""


async def announce(redis: "AsyncRedis", partitions: int) -> int:
    """Announces that so many partitions are written to from now on. Gives the highest number that was ever announced.

    That number never falls: an unused stream costs nothing, and its account is part of the equation.
    """
    highest: Any = await redis.eval(_ANNOUNCE, 1, PARTITIONS_KEY, partitions)
    return int(highest)


def streams_in_use(redis: "Redis", configured: int) -> list[str]:
    """Every stream that may have entries, from any earlier number of partitions. redis.RedisError if Redis is unavailable."""
    announced: Any = redis.get(PARTITIONS_KEY)
    return [stream_key(partition) for partition in range(max(configured, int(announced or 0)))]
