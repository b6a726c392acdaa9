"""Reads that a Cluster spreads over its servers, for worker and query. For ingest: cluster_nodes.py."""

from collections.abc import Sequence
from typing import Any

from redis import Redis, RedisCluster


def eval_each(redis: "Redis", script: str, keys: Sequence[tuple[str, ...]]) -> list[Any]:
    """The answers of a script that is run once with each tuple of keys."""
    if isinstance(redis, RedisCluster):
        # Pipelines of a Cluster cannot run scripts.
        return [redis.eval(script, len(names), *names) for names in keys]
    with redis.pipeline(transaction=False) as pipeline:
        for names in keys:
            pipeline.eval(script, len(names), *names)
        return pipeline.execute()


def memory(redis: "Redis") -> list[tuple[int, int]]:
    """(bytes in use, limit in bytes or 0) of each server that takes writes."""
    told: Any = redis.info("memory", target_nodes=RedisCluster.PRIMARIES) if isinstance(redis, RedisCluster) else redis.info("memory")
    return memory_of(told)


def memory_of(told: dict[str, Any]) -> list[tuple[int, int]]:
    """The same of an answer to INFO memory: a server's, or one of each server of a Cluster."""
    infos = list(told.values()) if all(isinstance(info, dict) for info in told.values()) else [told]
    return [(info["used_memory"], info["maxmemory"]) for info in infos]
