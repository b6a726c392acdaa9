"""Redis clients by URL (shared/redis/url.py): blocking for worker and query, asynchronous for ingest.

A Cluster's client has the same methods as a server's. Keys of several partitions differ, and so do commands that depend on their
connection: cluster_nodes.py, cluster_reads.py, replica_acks.py.
"""

from typing import Any, Final, cast

from redis import Redis, RedisCluster
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.cluster import ClusterNode
from redis.exceptions import RedisClusterException, RedisError
from redis.sentinel import Sentinel

from shared.redis.url import Servers, is_cluster, is_sentinel, servers

# Redis is unavailable or refuses. A Cluster client's own errors are not RedisErrors.
REDIS_ERRORS: Final = (RedisError, RedisClusterException)

# A Sentinel answers from memory. If one is down the next is asked, so the wait must be shorter than a request's.
SENTINEL_SECONDS = 0.3


def connect(url: str, **options: Any) -> Redis:
    """A client that connects when first used, but a Cluster's at once. `options` are redis-py's of a connection."""
    return cast(Redis, _client(url, options, Redis, Sentinel, RedisCluster, ClusterNode))


def connect_async(url: str, **options: Any) -> AsyncRedis:
    """A client that connects when first used. `options` are redis-py's of a connection."""
    return cast(AsyncRedis, _client(url, options, AsyncRedis, AsyncSentinel, AsyncRedisCluster, AsyncClusterNode))


# redis-py has no types for these.
def _client(url: str, options: dict[str, Any], server: Any, sentinel: Any, cluster: Any, node: Any) -> Any:
    if is_sentinel(url):
        there = servers(url)
        asked = sentinel(list(there.addresses), sentinel_kwargs=_of_sentinels(there), db=there.db, **there.credentials, **options)
        return asked.master_for(there.master)
    if is_cluster(url):
        there = servers(url)
        return cluster(startup_nodes=[node(host, port) for host, port in there.addresses], **there.credentials, **options)
    return server.from_url(url, **options)


def _of_sentinels(there: Servers) -> dict[str, Any]:
    return {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS, **there.sentinel_credentials}
