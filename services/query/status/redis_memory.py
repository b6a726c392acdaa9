"""How much of its memory Redis uses. At four fifths of it, ingest takes no more."""

import sys

from msgspec import Struct
from redis import Redis

from shared.redis.cluster_reads import memory


class Memory(Struct, frozen=True):
    """Bytes. A limit of 0 means no limit."""

    used: int
    limit: int


def redis_memory(redis: Redis) -> Memory:
    """The present state; in a Cluster, the fullest master's. redis.RedisError if Redis is away."""
    used, limit = max(memory(redis), key=lambda server: server[0] / (server[1] or sys.maxsize))
    return Memory(used, limit)
