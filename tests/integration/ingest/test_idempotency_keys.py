"""Idempotency keys in Redis: far more arrive than it remembers, and the journal keeps its room."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from redis import Redis

from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.supervision.processes import wait_until
from services.ingest.app import create_app
from services.ingest.events.idempotency_keys import KEYS_PER_RING
from services.ingest.journal.backlog import OTHERS_SHARE, SHORT_CACHE_SECONDS
from services.ingest.settings import Settings
from shared.journal.streams import stream_key
from tests.conftest import LOCAL
from tests.integration.ingest.conftest import Service

START = {"session_id": "s-1", "project_path": "/p"}
MESSAGE = {"session_id": "s-1", "role": "user", "content": "How?"}
MAX_BYTES = 32 * 1024**2


def client(settings: Settings, **changes: object) -> TestClient:
    return TestClient(create_app(settings.model_copy(update=changes)), LOCAL, raise_server_exceptions=False)


def send(http: TestClient, key: str, content: str = "How?") -> int:
    return http.post("/api/conversations", json=MESSAGE | {"content": content}, headers={"Idempotency-Key": key}).status_code


def bytes_of_keys(redis: Redis) -> int:
    return sum(redis.memory_usage(name) or 0 for name in redis.scan_iter("idempotency:*"))


@pytest.fixture
def small_redis(tmp_path: Path) -> Iterator[Callable[[], Redis]]:
    """A server of 32 MB; each call starts it anew on its data."""
    options = {"maxmemory": str(MAX_BYTES), "appendfsync": "always"}
    server = RedisServer(tmp_path / "redis", tmp_path / "run", tmp_path / "redis.log", options)
    is_running = False

    def start() -> Redis:
        nonlocal is_running
        if is_running:
            server.stop()
        server.start()
        is_running = True
        return Redis.from_url(server.url)

    yield start
    server.stop()


def url_of(redis: Redis) -> str:
    return f"unix://{redis.connection_pool.connection_kwargs['path']}?db=0"


def test_idempotency_keys_take_bounded_memory_and_the_newest_are_remembered(settings: Settings) -> None:
    # Given room for the keys of one ring
    with client(settings, idempotency_bytes=2_700) as http, Redis.from_url(settings.redis_url) as redis:
        assert http.post("/api/sessions/start", json=START).status_code == 201
        # When four times as many come
        for n in range(4 * KEYS_PER_RING):
            assert send(http, f"k-{n}") == 201
            if n == KEYS_PER_RING:
                full = bytes_of_keys(redis)
        # Then they take no more than before
        assert bytes_of_keys(redis) == full <= 2_700
        # And a key of the last ring's worth with another body is refused, also after all those before it; with the same it is taken
        newest = range(3 * KEYS_PER_RING, 4 * KEYS_PER_RING)
        for n in newest:
            assert send(http, f"k-{n}") == 201
        for n in newest:
            assert send(http, f"k-{n}", "What?") == 409
        # The oldest has fallen out
        assert send(http, "k-0", "What?") == 201


def test_idempotency_keys_do_not_fill_a_small_redis(settings: Settings, small_redis: Callable[[], Redis]) -> None:
    # Given rings that would take all of its memory if they could
    redis, max_bytes = small_redis(), MAX_BYTES // 2
    redis.config_set("maxmemory", max_bytes)
    with client(settings, redis_url=url_of(redis), idempotency_bytes=1024**3) as http:
        assert http.post("/api/sessions/start", json=START).status_code == 201
        # When keys come, and as many rings as there can be are full
        for n in range(1_200):
            assert send(http, f"k-{n}") == 201
        redis.xtrim(stream_key(0), 0)
        names = list(redis.scan_iter("idempotency:*"))
        rings = max(int(name.split(b":")[1]) for name in names)
        # Then they have their share, and with an empty journal writes are taken
        assert 500 < rings < max_bytes // 8 // 2_700
        assert bytes_of_keys(redis) <= max_bytes // 8
        assert send(http, "one-more") == 201


def test_idempotency_keys_survive_a_restart_of_redis_and_ingest(settings: Settings, small_redis: Callable[[], Redis]) -> None:
    url = url_of(small_redis())
    with client(settings, redis_url=url) as http:
        assert http.post("/api/sessions/start", json=START).status_code == 201
        assert [send(http, f"k-{n}") for n in range(50)] == [201] * 50
    redis = small_redis()
    with client(settings, redis_url=url) as http:
        assert wait_until(lambda: send(http, "k-0") == 201, 60)
        assert [send(http, f"k-{n}", "What?") for n in range(50)] == [409] * 50
    assert all(86_400 < redis.ttl(name) <= 2 * 86_400 for name in redis.scan_iter("idempotency:*"))


def test_a_retry_writes_nothing_to_the_key_ring(service: Service) -> None:
    service.start("s-1")
    headers = {"Idempotency_Key": uuid4().hex}
    assert service.post("/api/conversations", MESSAGE, **headers).status_code == 201
    [name] = service.redis.scan_iter("idempotency:*")
    before = service.redis.get(name)
    assert service.post("/api/conversations", MESSAGE, **headers).status_code == 201
    assert service.redis.get(name) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/sessions/start", START),
        ("/api/sessions/end", {"session_id": "s-1"}),
        ("/api/conversations", MESSAGE),
        ("/api/events", [MESSAGE | {"type": "conversation"}]),
    ],
)
def test_a_repeated_key_is_answered_the_same_with_a_header(service: Service, path: str, body: object) -> None:
    service.start("s-1")
    # Without a key nothing is known of repeats
    assert "idempotent-replayed" not in service.post(path, body).headers
    # A key's first request has no header; each further one has
    first = service.post(path, body, Idempotency_Key="k-1")
    assert "idempotent-replayed" not in first.headers
    for _ in range(2):
        again = service.post(path, body, Idempotency_Key="k-1", Prefer="respond-async")
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["preference-applied"] == "respond-async"
        assert again.json() == first.json()
    # A refused request is no replay
    assert "idempotent-replayed" not in service.post(path, [], Idempotency_Key="k-1").headers


def test_session_notes_expire_early_above_their_share_of_memory(settings: Settings, small_redis: Callable[[], Redis]) -> None:
    redis = small_redis()
    with client(settings, redis_url=url_of(redis)) as http:
        # Given a long journal: notes are kept for a day
        for _ in range(80):
            redis.xadd(stream_key(0), {"payload": b"x" * 200_000})
        http.post("/api/events", json=[START | {"type": "session_start"}])
        assert redis.ttl("session:s-1") > SHORT_CACHE_SECONDS
        # When something else takes its place
        redis.xtrim(stream_key(0), 0)
        for n in range(80):
            redis.set(f"ballast:{n}", b"x" * 200_000)
        assert redis.info("memory")["used_memory"] > OTHERS_SHARE * MAX_BYTES

        # Then a note is kept for minutes
        def is_kept_shortly() -> bool:
            session_id = uuid4().hex
            assert http.post("/api/events", json=[START | {"type": "session_start", "session_id": session_id}]).status_code == 200
            return 0 < redis.ttl(f"session:{session_id}") <= SHORT_CACHE_SECONDS

        assert wait_until(is_kept_shortly, 60)
