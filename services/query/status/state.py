"""State of the system behind the service: the journal, its accounting, the canary, beat, the memory of Redis, the replica."""

import sys
import time
from typing import Any, Final

from msgspec import Struct
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.query.database import Database, fetch_one, one_row
from services.query.queries.status import is_replica, outcomes
from services.query.settings import Settings
from shared.journal.accounting import CHECK_KEY, Accounting, balance, read_accounts
from shared.journal.canary import SEEN_KEY
from shared.journal.failed_looks import FAILED_LOOKS_KEY
from shared.journal.partitions import streams_in_use
from shared.redis.clients import connect
from shared.redis.cluster_reads import memory
from shared.sql_files import SqlFile

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


class Memory(Struct, frozen=True):
    """Bytes. A limit of 0 means no limit."""

    used: int
    limit: int


def redis_memory(redis: Redis) -> Memory:
    """The present state; in a Cluster, the fullest master's. redis.RedisError if Redis is away."""
    used, limit = max(memory(redis), key=lambda server: server[0] / (server[1] or sys.maxsize))
    return Memory(used, limit)


def failed_looks(redis: Redis) -> dict[str, int]:
    """By the look's name. redis.RedisError if Redis is away."""
    found: Any = redis.hgetall(FAILED_LOOKS_KEY)
    return {str(name, "utf-8"): int(number) for name, number in found.items()}


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


class Accounts(Struct, frozen=True):
    """The equation, and how often the worker's check found drift."""

    equation: Accounting
    alarms: int


def read_accounting(database: Database, redis: "Redis", partitions: int) -> Accounts:
    """As it is now. redis.RedisError or psycopg.Error if it cannot be read."""
    streams = streams_in_use(redis, partitions)
    before = read_accounts(redis, streams)
    # From the primary: a replica may be behind, which would look like missing events.
    with database.connection(from_primary=True) as connection:
        became, may_lag = outcomes(connection), is_replica(connection)
    equation = balance(before, became, read_accounts(redis, streams), may_lag=may_lag)
    return Accounts(equation, int(redis.hget(CHECK_KEY, "alarms") or 0))


_REPLAYED: Final = SqlFile(__package__, "replica_lag.sql").replayed

_WRITTEN: Final = "SELECT pg_current_wal_lsn()::text AS written"


class ReplicaLag(Struct, frozen=True):
    """`seconds` is the age of the newest transaction that was replayed, 0 if nothing is missing."""

    wal_bytes: int
    seconds: float


def replica_lag(database: Database) -> ReplicaLag:
    """The lag now. psycopg.Error if one of the two does not answer."""
    with database.connection(from_primary=True) as primary:
        written = one_row(primary, _WRITTEN)
    with database.connection() as replica:
        found = fetch_one(replica, ReplicaLag, _REPLAYED, written)
    return ReplicaLag(found.wal_bytes, round(max(found.seconds, 0.0), 3) if found.wal_bytes else 0.0)
