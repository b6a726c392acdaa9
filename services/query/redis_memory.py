"""How much of its memory Redis uses. At four fifths of it, ingest takes no more."""

from typing import Any

from msgspec import Struct
from redis import Redis


class Memory(Struct, frozen=True):
    """Bytes. A limit of 0 is none."""

    used: int
    limit: int


def redis_memory(redis: "Redis") -> Memory:
    """As it is now; redis.RedisError if Redis is away."""
    told: Any = redis.info("memory")
    return Memory(told["used_memory"], told["maxmemory"])
