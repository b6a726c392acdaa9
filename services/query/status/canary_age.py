"""How long ago the newest canary that came back was sent. It grows whenever any part of the pipeline is stuck."""

import time
from typing import Any

from msgspec import Struct
from redis import Redis

from shared.journal.canary import SEEN_KEY


class CanaryAge(Struct, frozen=True):
    """`age_seconds` counts from the sending, or from this process' start if that is later. `round_trip_seconds` is None before the first."""

    age_seconds: float
    round_trip_seconds: float | None


def canary_age(redis: "Redis", started_at: float) -> CanaryAge:
    """The age of the newest canary. `started_at` in seconds since 1970. redis.RedisError if Redis is away."""
    sent_at, round_trip = _values(redis.hmget(SEEN_KEY, "sent_at", "round_trip_seconds"))
    return CanaryAge(round(max(time.time() - max(sent_at or 0.0, started_at), 0.0), 3), round_trip)


def _values(found: Any) -> tuple[float | None, float | None]:
    sent_at, round_trip = (None if value is None else float(value) for value in found)
    return sent_at, round_trip
