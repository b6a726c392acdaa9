"""The operations that differ on a Cluster, for ingest: the server of a key, keys on several servers, and each server's memory."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import SSLConnection
from redis.exceptions import ResponseError

from shared.redis.cluster_reads import memory_of

# For each node: a batch may append to every partition at once, and TRACKER_JOURNAL_PARTITIONS has this limit.
MAX_CONNECTIONS = 256
_OF_A_CONNECTION = ("username", "password", "socket_timeout", "socket_connect_timeout", "client_name")


class Nodes:
    """A client for each server of a Cluster. Without a Cluster, the one client that there is."""

    def __init__(self, redis: "Redis | RedisCluster") -> None:
        self._redis = redis
        self._clients: dict[tuple[str, int], Redis] = {}
        self._is_stale = True

    @property
    def is_cluster(self) -> bool:
        """Whether keys of two partitions may be on two servers."""
        return isinstance(self._redis, RedisCluster)

    def look_again(self) -> None:
        """After an error: keys may have moved to another server."""
        self._is_stale = True

    async def of(self, key: str) -> "Redis":
        """A client of the server that has the key. RedisError if the Cluster does not name one."""
        if not isinstance(self._redis, RedisCluster):
            return self._redis
        if self._is_stale:
            await self._redis.initialize()
            await self._redis.nodes_manager.initialize()
            self._is_stale = False
        node = self._redis.get_node_from_key(key)
        if node is None:
            raise ResponseError(f"no node of the cluster has {key}")
        place = (node.host, int(node.port))
        if place not in self._clients:
            options = {name: value for name in _OF_A_CONNECTION if (value := self._redis.connection_kwargs.get(name)) is not None}
            is_tls = self._redis.connection_kwargs["connection_class"] is SSLConnection
            self._clients[place] = Redis(
                host=place[0], port=place[1], ssl=is_tls, retry=self._redis.retry, max_connections=MAX_CONNECTIONS, **options
            )
        return self._clients[place]

    async def aclose(self) -> None:
        """Closes the clients that it made."""
        for client in self._clients.values():
            await client.aclose()


async def read_many(redis: "Redis", keys: Sequence[str]) -> list[bytes | None]:
    """The values of string keys, on any servers."""
    found: Any = await (redis.mget_nonatomic(keys) if isinstance(redis, RedisCluster) else redis.mget(keys))
    values: list[bytes | None] = found
    return values


async def memory(redis: "Redis") -> list[tuple[int, int]]:
    """(bytes in use, limit in bytes or 0) of each server that takes writes."""
    is_cluster = isinstance(redis, RedisCluster)
    told: Any = await (redis.info("memory", target_nodes=RedisCluster.PRIMARIES) if is_cluster else redis.info("memory"))
    return memory_of(told)
