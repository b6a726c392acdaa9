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
    if isinstance(redis, RedisCluster):
        answer: Any = redis.info("memory", target_nodes=RedisCluster.PRIMARIES)
        infos = list(answer.values()) if all(isinstance(info, dict) for info in answer.values()) else [answer]
    else:
        infos = [redis.info("memory")]
    return [(info["used_memory"], info["maxmemory"]) for info in infos]
