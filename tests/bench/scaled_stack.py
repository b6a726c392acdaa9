"""A stack of its own with as many partitions and drain workers as one likes; otherwise as `make up` makes it, without imports and Flower."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer
from tests.bench.data_sets import bench_dir
from tests.bench.own_servers import own_servers
from tests.scale.pipeline import Pipeline, pipeline


@dataclass(frozen=True, slots=True)
class ScaledStack:
    """The running processes. `workers` are the names of the drain workers in the pipeline."""

    pipeline: Pipeline
    workers: list[str]
    postgres: PostgresServer
    redis: RedisServer


@contextmanager
def scaled_stack(partitions: int, workers: int) -> Iterator[ScaledStack]:
    """Ready; nothing is left of it but logs."""
    folder = bench_dir() / "scale"
    shutil.rmtree(folder, ignore_errors=True)
    with own_servers(folder) as (postgres, redis):
        settings = {"database_url": postgres.url, "redis_url": redis.url, "log_level": "WARNING"}
        with pipeline(folder / "services", journal_partitions=str(partitions), **settings) as found:
            yield ScaledStack(found, _start(found, workers), postgres, redis)


def _start(found: Pipeline, workers: int) -> list[str]:
    names = [f"worker-{number}" for number in range(workers)]
    found.start_api()
    for name in names:
        found.start_worker(name)
    found.start_beat()
    found.await_ready()
    return names
