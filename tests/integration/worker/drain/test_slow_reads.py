"""A slow Redis: a read ends within the partition lease, its entries are returned, and all are stored once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from deploy.embedded.supervision.processes import wait_until
from services.worker.drain.drain_partition import drain
from services.worker.drain.stream_reader import make_group
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.events.messages import Conversation, Envelope, encode_envelope
from shared.journal.streams import GROUP, PAYLOAD_FIELD, stream_key
from tests.faults.devices.proxy import Proxy

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STREAM = stream_key(0)
ENTRIES = 32
ENTRY_BYTES = 64 * 1024
# Delay per piece of at most so many bytes: a read of all takes too long, a read of a few ends in time.
LATENCY_SECONDS = 0.1
TURN_MS = 4_000


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    server = urlsplit(redis_url)
    proxy = Proxy(server.port or Path(server.path))
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """Past the proxy."""
    with Redis.from_url(redis_url) as client:
        make_group(client, STREAM)
        yield client


@pytest.fixture
def worker(database_url: str, redis_url: str, proxy: Proxy) -> Iterator[Resources]:
    server = urlsplit(redis_url)
    url = f"redis://127.0.0.1:{proxy.port}/{server.path.strip('/') if server.port else 0}"
    resources = open_resources(Settings(database_url=database_url, redis_url=url, claim_idle_ms=TURN_MS))
    yield resources
    resources.close()


def append(redis: Redis) -> None:
    for n in range(ENTRIES):
        text = f"{n} " + "x" * ENTRY_BYTES
        event = Conversation(session_id="s", content=text, role="user", timestamp=NOW, id=uuid4())
        envelope = Envelope(version=1, request_id="r", received_at=NOW, events=[event])
        redis.xadd(STREAM, {PAYLOAD_FIELD: encode_envelope(envelope)})


def drained(worker: Resources, redis: Redis) -> bool:
    """One round, as the sweep begins it; an error of Redis ends it, and the next comes."""
    try:
        drain(worker)
    except (RedisError, OSError):
        return False
    return redis.xlen(STREAM) == 0


def counts(worker: Resources) -> Any:
    sql = """SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM dead_letters), (SELECT sum(duplicates)::int FROM ledger)"""
    with psycopg.connect(worker.settings.database_url) as connection:
        return connection.execute(sql.encode()).fetchone()


def test_a_read_longer_than_the_lease_is_given_up_and_the_next_asks_for_less(worker: Resources, redis: Redis, proxy: Proxy) -> None:
    append(redis)
    worker.consumer.entries_per_read = ENTRIES
    proxy.slow_down(LATENCY_SECONDS)

    # When a read takes too long, then it ends with its lease, and no attempt is counted for its entries
    with pytest.raises(RedisTimeoutError):
        drain(worker)
    assert worker.consumer.entries_per_read < ENTRIES
    assert {item["times_delivered"] for item in redis.xpending_range(STREAM, GROUP, "-", "+", ENTRIES)} == {0}

    # And once Redis is as fast as it was, all of it is stored, once, and nothing was taken for what kills workers
    proxy.let_pass()
    assert wait_until(lambda: drained(worker, redis), 300)
    assert counts(worker) == (ENTRIES, 0, 0)


def test_a_read_with_a_lost_answer_is_not_repeated_by_the_client(worker: Resources, redis: Redis, proxy: Proxy) -> None:
    append(redis)
    trap = proxy.trap(b"XREADGROUP", on_answer=True)

    def cut() -> None:
        trap.wait(20)
        proxy.release(trap, cut=True)

    cutting = Thread(target=cut)
    cutting.start()
    with pytest.raises((RedisConnectionError, RedisTimeoutError)):
        drain(worker)
    cutting.join()
    assert wait_until(lambda: drained(worker, redis), 60)
    assert counts(worker) == (ENTRIES, 0, 0)
