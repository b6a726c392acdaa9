"""How far the workers are behind the journal. Only reads its streams."""

import time
from typing import Any

from msgspec import Struct
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.query.settings import Settings
from shared.journal.partitions import streams_in_use
from shared.redis.clients import connect

TIMEOUT_SECONDS = 1


class Lag(Struct, frozen=True):
    """Entries that are not yet persisted, and the age of the oldest."""

    entries: int
    oldest_seconds: float


def connect_redis(settings: Settings) -> "Redis":
    """A client that gives up after a second. Connects when first used."""
    return connect(
        settings.redis_url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        client_name="tracker-query",
    )


def journal_lag(redis: "Redis", partitions: int) -> Lag:
    """The lag of all partitions together. redis.RedisError if Redis is away."""
    streams = streams_in_use(redis, partitions)
    with redis.pipeline(transaction=False) as pipeline:
        for stream in streams:
            pipeline.xlen(stream)
            pipeline.xrange(stream, count=1)
        replies: list[Any] = pipeline.execute()
    oldest_ms = [int(entries[0][0].split(b"-")[0]) for entries in replies[1::2] if entries]
    age = time.time() - min(oldest_ms) / 1000 if oldest_ms else 0.0
    return Lag(sum(replies[0::2]), round(max(age, 0.0), 3))
