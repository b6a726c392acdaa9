"""Commands to Redis put into bytes by hiredis, as redis-py's blocking connections do; its asynchronous ones do it word by word in Python.

An append of 16 writes has 70 words: 13 µs instead of 42, of 125 for the whole exchange.
"""

from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.connection import HiredisRespSerializer

_pack = HiredisRespSerializer().pack


class _PackedInC:
    """Goes before a class of redis-py's asynchronous connections."""

    def pack_command(self, *words: Any) -> list[bytes]:
        packed: list[bytes] = _pack(*words)
        return packed


def pack_in_c(redis: Redis) -> Redis:
    """The same client; its connections, which are yet to be made, pack in C. A Cluster's, which has a pool for each node, is left as it is."""
    if isinstance(redis, RedisCluster):
        return redis
    pool = redis.connection_pool
    plain = pool.connection_class
    pool.connection_class = type(f"Packed{plain.__name__}", (_PackedInC, plain), {})
    return redis
