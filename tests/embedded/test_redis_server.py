"""The embedded Redis keeps every answered write after any crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.supervision.processes import StartError
from tests.skips import needs


@pytest.fixture
def server(folder: Path) -> Iterator[RedisServer]:
    server = server_in(folder)
    server.start()
    yield server
    server.kill()


def server_in(folder: Path) -> RedisServer:
    return RedisServer(folder / "redis", folder / "run", folder / "redis.log")


def test_redis_is_durable_private_and_never_evicts(server: RedisServer) -> None:
    with Redis.from_url(server.url, decode_responses=True) as redis:
        settings = redis.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory"] == str(1024**3)
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["port"] == "0"
    assert server.socket.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_answered_write_survives_stop_and_kill(server: RedisServer, end: str) -> None:
    with Redis.from_url(server.url) as redis:
        redis.xadd("journal", {"payload": b"event"})
    getattr(server, end)()
    server.start()
    with Redis.from_url(server.url) as redis:
        assert redis.xlen("journal") == 1


def test_a_start_ends_the_redis_of_a_crashed_run(server: RedisServer) -> None:
    second = server_in(server.data_dir.parent)
    second.start()
    try:
        assert not server.is_running()
    finally:
        second.stop()


def test_a_path_too_long_for_a_socket_does_not_stop_the_start(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = server_in(deep)
    server.start()
    with Redis.from_url(server.url) as redis:
        assert redis.ping()
    server.stop()
    server.socket.parent.rmdir()


@needs("Redis 6")
def test_data_of_a_newer_redis_is_refused(folder: Path) -> None:
    (folder / "redis" / "appendonlydir").mkdir(parents=True)
    with pytest.raises(StartError, match="was written by Redis 7 or later"):
        server_in(folder).start()
