"""A journal that fills up: ingest refuses writes before Redis has to, and accepts them again once there is room."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.supervision.processes import wait_until
from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.journal.streams import stream_key
from tests.conftest import LOCAL
from tests.integration.ingest.conftest import is_error

MAX_BYTES = 32 * 1024**2
START = {"session_id": "s-1", "project_path": "/p"}


@pytest.fixture
def small_redis(tmp_path: Path) -> Iterator[Redis]:
    """A server of 32 MB of its own."""
    server = RedisServer(tmp_path / "redis", tmp_path / "run", tmp_path / "redis.log", {"maxmemory": str(MAX_BYTES), "appendfsync": "no"})
    server.start()
    try:
        with Redis.from_url(server.url) as redis:
            yield redis
    finally:
        server.stop()


@pytest.fixture
def http(settings: Settings, small_redis: Redis, tmp_path: Path) -> Iterator[TestClient]:
    url = f"unix://{small_redis.connection_pool.connection_kwargs['path']}?db=0"
    with TestClient(create_app(settings.model_copy(update={"redis_url": url})), LOCAL, raise_server_exceptions=False) as client:
        assert client.post("/api/sessions/start", json=START).status_code == 201
        yield client


def batch(size: int) -> list[dict[str, object]]:
    """Messages of 100 kB, so many bytes together."""
    message = {"type": "conversation", "session_id": "s-1", "role": "user", "content": "x" * 100_000}
    return [dict(message) for _ in range(size // 100_000)]


@pytest.mark.parametrize("size", [100_000, 2_000_000])
def test_concurrent_writes_are_refused_before_redis_is_full_and_accepted_again_with_room(
    http: TestClient, small_redis: Redis, size: int
) -> None:
    # Given that there is room
    body = batch(size)
    assert wait_until(lambda: http.post("/api/events", json=body).status_code == 200, 60)

    # When more comes than that, four at a time, between two samples too
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: http.post("/api/events", json=body), range(80_000_000 // size)))

    # Then the rest is refused for want of room, and Redis has refused nothing
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    codes = {answer.json()["code"] for answer in refused}
    # A machine with much to do may also be too slow for the second that a write has.
    assert "BACKLOG_FULL" in codes <= {"BACKLOG_FULL", "QUEUE_UNAVAILABLE"}
    assert all(answer.status_code == 503 and int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert not any("OOM" in name for name in small_redis.info("errorstats"))
    assert small_redis.info("memory")["used_memory"] < MAX_BYTES
    kept = sum(len(fields[b"payload"]) >= 100_000 for _, fields in small_redis.xrange(stream_key(0)))
    assert kept > 0

    # And when the journal is empty, all of it may come again
    small_redis.xtrim(stream_key(0), 0)
    assert wait_until(lambda: http.post("/api/events", json=body).status_code == 200, 60)


def fill(redis: Redis, share: float) -> list[str]:
    """Puts keys into Redis until that share of its memory is in use. Their names."""
    names: list[str] = []
    while redis.info("memory")["used_memory"] < share * MAX_BYTES:
        names.append(f"ballast:{uuid4()}")
        redis.set(names[-1], "x" * 200_000)
    return names


def samples_taken(redis: Redis) -> int:
    """How often the service has measured the backlog; only it asks for the length of a stream."""
    return int(redis.info("commandstats")["cmdstat_xlen"]["calls"])


def test_between_the_watermarks_the_previous_decision_stays(http: TestClient, small_redis: Redis) -> None:
    # Given more than the low watermark in use, and less than the high one
    fill(small_redis, 0.74)
    assert http.post("/api/sessions/start", json=START).status_code == 201

    # When it has been above the high one, then the same is too much
    more = fill(small_redis, 0.83)
    assert wait_until(lambda: http.get("/readyz").status_code == 503, 60)
    small_redis.delete(*more)
    assert 0.7 * MAX_BYTES < small_redis.info("memory")["used_memory"] < 0.8 * MAX_BYTES
    samples = samples_taken(small_redis)
    assert wait_until(lambda: samples_taken(small_redis) > samples + 2, 60)
    is_error(http.post("/api/sessions/start", json=START), 503, "BACKLOG_FULL")

    # Until it is below the low one
    small_redis.delete(*small_redis.keys("ballast:*"))
    assert wait_until(lambda: http.post("/api/sessions/start", json=START).status_code == 201, 60)


def test_an_out_of_memory_error_of_redis_is_a_full_backlog(http: TestClient, small_redis: Redis) -> None:
    # Given a Redis that is full before anybody has looked
    small_redis.config_set("maxmemory", 1)
    answer = http.post("/api/sessions/start", json=START)
    is_error(answer, 503, "BACKLOG_FULL")
