"""A Postgres, migrated, and a Redis with data of their own, as `make up` starts them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer
from deploy.migrations.migrate import migrate


@contextmanager
def own_servers(folder: Path) -> Iterator[tuple[PostgresServer, RedisServer]]:
    """Both run inside, with data made anew; nothing is left of them but logs."""
    _remove(folder)
    folder.mkdir(parents=True, exist_ok=True)
    postgres = PostgresServer(folder / "postgres", folder / "run", folder / "postgres.log")
    redis = RedisServer(folder / "redis", folder / "run", folder / "redis.log")
    try:
        postgres.start()
        redis.start()
        migrate(postgres.url)
        yield postgres, redis
    finally:
        redis.stop()
        postgres.stop()
        _remove(folder)


def _remove(folder: Path) -> None:
    for name in ("postgres", "redis"):
        shutil.rmtree(folder / name, ignore_errors=True)
