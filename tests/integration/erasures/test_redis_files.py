"""After a scrub or an erasure Redis' files hold what there is: its append-only file, and a snapshot if it writes some."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.supervision.processes import wait_until
from shared.redis import cluster_disks
from tests.faults.pace import stretched


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", tmp_path / "run", tmp_path / "redis.log", {"appendonly": "yes"})
    server.start()
    yield server
    server.stop()


def written(redis: "Redis") -> bool:
    return wait_until(lambda: not cluster_disks.is_rewriting(redis), stretched(10))


def files_with(server: RedisServer, text: bytes) -> list[str]:
    return sorted(path.name for path in server.data_dir.rglob("*") if path.is_file() and text in path.read_bytes())


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("times", ["", "3600 1"], ids=["append-only alone", "with snapshots"])
def test_what_was_deleted_is_in_no_file_of_redis(server: RedisServer, times: str, is_restarted: bool) -> None:
    # Given a text in the append-only file, and in the snapshot if there are some
    with Redis.from_url(server.url) as redis:
        redis.set("said", "gone-for-good")
        if times:
            redis.bgsave()
            assert written(redis)
        redis.delete("said")
    if is_restarted:
        server.stop()
        server.start()
    assert len(files_with(server, b"gone-for-good")) == (2 if times else 1)

    # When the files are written anew
    with Redis.from_url(server.url) as redis:
        redis.config_set("save", times)
        assert cluster_disks.rewrite(redis)
        assert written(redis)
        assert not cluster_disks.has_failed(redis)

    # Then none has it, and no snapshot was begun that nobody keeps up to date
    assert files_with(server, b"gone-for-good") == []
    assert (server.data_dir / "dump.rdb").exists() is bool(times)
