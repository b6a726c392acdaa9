"""Makes every server of Redis write its files anew, so that they hold what there is and nothing of what there was."""

from collections.abc import Iterator
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import ResponseError


def rewrite(redis: "Redis") -> bool:
    """Begins on every server. False if an earlier one still runs: ask again. ResponseError if the user may not."""
    if any(_is_busy(node) for node in _nodes(redis)):
        return False
    for node in _nodes(redis):
        info = _persistence(node)
        try:
            if _has_snapshots(node, info):
                node.bgsave()
            # While a snapshot is written, Redis only notes this, and begins behind it.
            if info["aof_enabled"]:
                node.bgrewriteaof()
        except ResponseError as error:
            if "in progress" not in str(error).lower():
                raise
            return False
    return True


def is_rewriting(redis: "Redis") -> bool:
    """Whether any server still writes."""
    return any(_is_busy(node) for node in _nodes(redis))


def has_failed(redis: "Redis") -> bool:
    """Whether a server's last try failed, as on a full disk."""
    return any(info[status] != "ok" for info in map(_persistence, _nodes(redis)) for status in _statuses(info))


def _statuses(info: dict[str, Any]) -> tuple[str, ...]:
    return ("aof_last_bgrewrite_status", "rdb_last_bgsave_status") if info["aof_enabled"] else ("rdb_last_bgsave_status",)


def _has_snapshots(node: "Redis", info: dict[str, Any]) -> bool:
    """Whether a snapshot is on the disk: without an append-only file always, beside one if the server has written one or does so from time to time."""
    if not info["aof_enabled"] or info["rdb_last_bgsave_time_sec"] >= 0:
        return True
    try:
        times: Any = node.config_get("save")
    except ResponseError:
        # A hosted Redis does not give it. It has written none since it started.
        return False
    return bool(times.get("save"))


def _nodes(redis: "Redis") -> Iterator["Redis"]:
    """A client of each server: of a Cluster all, the replicas too."""
    if not isinstance(redis, RedisCluster):
        yield redis
        return
    for node in redis.get_nodes():
        yield redis.get_redis_connection(node)


def _is_busy(node: "Redis") -> bool:
    info = _persistence(node)
    return bool(info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"] or info["rdb_bgsave_in_progress"])


def _persistence(node: "Redis") -> dict[str, Any]:
    found: Any = node.info("persistence")
    told: dict[str, Any] = found
    return told
