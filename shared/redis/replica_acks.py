"""Waits until a write is on the disks of so many replicas (TRACKER_REDIS_REPLICAS_ACKED), so that it outlives its server.

WAITAOF is about what its own connection has written, so it goes with the write in one pipeline, to the node that has the key. It is sent
several times: a replica answers the first one with what was on its disk before, and would report the rest by itself only a second later.
The later ones answer at once if an earlier one was enough. Needs Redis 7.2, and `appendfsync always` on master and replicas.
"""

from collections.abc import Callable
from typing import Any, Final

from redis import Redis, RedisCluster
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.redis.clients import REDIS_ERRORS

# In total less than the time that a request waits for Redis.
WAITS_MS: Final = (2, 5, 10, 20, 50, 100, 200, 300)


class NotReplicatedError(RedisTimeoutError):
    """The write is on the server's disk, but not on those of enough replicas."""


def write(redis: "Redis", key: str, replicas: int, command: Callable[[Redis], Any]) -> Any:
    """Runs `command`, one command about `key`, and returns its answer once it is on the disks of so many replicas. NotReplicatedError if not in time."""
    if not replicas:
        return command(redis)
    with node_of(redis, key).pipeline(transaction=False) as pipe:
        command(pipe)
        for words in waits(replicas):
            pipe.execute_command(*words)  # type: ignore[no-untyped-call]
        try:
            answer, *acks = pipe.execute()
        except REDIS_ERRORS:
            _look_again(redis)
            raise
    check(acks, replicas)
    return answer


def waits(replicas: int) -> list[tuple[str | int, ...]]:
    """The commands that wait. They are sent after a write, over its connection."""
    return [("WAITAOF", 1, replicas, ms) for ms in WAITS_MS]


def check(acks: list[Any], replicas: int) -> None:
    """NotReplicatedError if the answers to `waits` do not confirm the write."""
    own_disk, on_replicas = acks[-1]
    if own_disk < 1 or on_replicas < replicas:
        raise NotReplicatedError(f"on the disks of {on_replicas} replicas instead of {replicas}; are they up and connected?")


def node_of(redis: "Redis", key: str) -> "Redis":
    """A client of the server that has the key."""
    if not isinstance(redis, RedisCluster):
        return redis
    node = redis.get_node_from_key(key)
    if node is None:
        raise ResponseError(f"no node of the cluster has {key}")
    found: Redis = redis.get_redis_connection(node)
    return found


def _look_again(redis: "Redis") -> None:
    """A Cluster may have moved the key to another node."""
    if isinstance(redis, RedisCluster):
        redis.nodes_manager.initialize()
