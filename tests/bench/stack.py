"""Empty Postgres and Redis servers for the benchmarks, with the settings of the embedded stack: every answered write is on the disk."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from redis import Redis

from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.supervision import processes
from deploy.migrations.migrate import migrate
from tests.bench.data_sets import bench_dir


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


START_SECONDS = 60.0
STOP_SECONDS = 20.0
# Rows of the migrations.
TABLES_KEPT = ("alembic_version", "kept_sums")


@dataclass(frozen=True, slots=True)
class Stack:
    """Where they are, and a folder for logs."""

    database_url: str
    redis_url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The services' settings."""
        return {
            "TRACKER_DATABASE_URL": self.database_url,
            "TRACKER_REDIS_URL": self.redis_url,
            "TRACKER_BLOB_URL": (self.folder / "blobs").as_uri(),
        }

    def redis(self) -> Redis:
        return Redis.from_url(self.redis_url)

    def empty(self) -> None:
        """As if nothing had ever been sent. Ingest processes that remember sessions have to be started anew."""
        with self.redis() as redis:
            redis.flushall()
        with psycopg.connect(self.database_url) as connection:
            names = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
            connection.execute(f"TRUNCATE {', '.join(name for name in names if name not in TABLES_KEPT)} RESTART IDENTITY".encode())
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            # So that no round pays for the one before.
            connection.execute("CHECKPOINT")


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Makes both servers' data anew, and leaves nothing but logs."""
    folder = bench_dir() / "writes"
    blobs = folder / "blobs"
    shutil.rmtree(blobs, ignore_errors=True)
    blobs.mkdir(parents=True)
    try:
        with own_servers(folder) as (postgres, redis):
            yield Stack(postgres.url, redis.url, folder)
    finally:
        shutil.rmtree(blobs, ignore_errors=True)


@contextmanager
def celery(stack: Stack, name: str, app: str, *arguments: str) -> Iterator[None]:
    """Runs a worker or beat of a Celery app until the end of the block; goes on once it is ready. RuntimeError if it is not in time."""
    ready, log_file = stack.folder / f"{name}.ready", stack.folder / f"{name}.log"
    ready.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "deploy.embedded.servers.celery_command", str(ready), app, *arguments]
    environment = os.environ | stack.environment | {"TRACKER_LOG_LEVEL": "WARNING"}
    process = processes.spawn(argv, log_file=log_file, env=environment)
    try:
        if not processes.wait_until(lambda: ready.exists() or process.poll() is not None, START_SECONDS) or process.poll() is not None:
            raise RuntimeError(f"{name} did not start; its reason is at the end of {log_file}")
        yield
    finally:
        processes.ask(process, signal.SIGTERM)
        processes.finish(process, STOP_SECONDS)
