"""How often beat's looks failed, as beat counts them in Redis."""

from typing import Any

from redis import Redis

from shared.journal.failed_looks import FAILED_LOOKS_KEY


def failed_looks(redis: Redis) -> dict[str, int]:
    """By the look's name. redis.RedisError if Redis is away."""
    found: Any = redis.hgetall(FAILED_LOOKS_KEY)
    return {str(name, "utf-8"): int(number) for name, number in found.items()}
