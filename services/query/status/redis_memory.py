"""How much of its memory Redis uses. At four fifths of it, ingest takes no more."""

import sys

from msgspec import Struct
from redis import Redis, RedisCluster

PRIMARIES = RedisCluster.PRIMARIES


class Memory(Struct, frozen=True):
    """Bytes. A limit of 0 is none."""

    used: int
    limit: int


def redis_memory(redis: Redis) -> Memory:
    """As it is now, of a Cluster's the fullest master; redis.RedisError if Redis is away."""
    infos = [redis.info("memory")] if not isinstance(redis, RedisCluster) else [*redis.info("memory", target_nodes=PRIMARIES).values()]
    fullest = max(infos, key=lambda info: info["used_memory"] / (info["maxmemory"] or sys.maxsize))
    return Memory(fullest["used_memory"], fullest["maxmemory"])
