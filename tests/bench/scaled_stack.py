"""A stack of its own with as many partitions and drain workers as one likes, and events through the HTTP of any.

Otherwise it is as `make up` makes it, without imports and Flower.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2 as httpx

from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer
from tests.bench.accepting import BATCH_EVENTS, start_sessions, without_id
from tests.bench.data_sets import bench_dir
from tests.bench.event_source import Events
from tests.bench.stack import own_servers
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


LOOK_SECONDS = 0.1
# Nothing was stored for so long: then nothing will be.
STUCK_SECONDS = 120.0


def bodies_of(client: httpx.Client, events: Events) -> list[bytes]:
    """Requests of 500 events each, whose sessions are started and stored."""
    start_sessions(urlsplit(str(client.base_url)).port or 80, events, {"Authorization": client.headers.get("Authorization", "")})
    await_settled(client, 0)
    made = [without_id(event, tagged=True) for event in events.events]
    return [b"[" + b",".join(made[at : at + BATCH_EVENTS]) + b"]" for at in range(0, len(made), BATCH_EVENTS)]


def send(client: httpx.Client, bodies: Iterable[bytes]) -> None:
    """One after the other. RuntimeError if one is refused."""
    for body in bodies:
        answer = client.post("/api/events", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"not accepted: {answer.status_code} {answer.text[:300]}")


def settled(client: httpx.Client) -> int:
    """How many events have left the journal so far."""
    found = client.get("/api/accounting").raise_for_status().json()
    return int(found["accepted"] - found["pending"])


def await_settled(client: httpx.Client, count: int) -> None:
    """Returns when so many events have left the journal; of 0, when none is in it. RuntimeError if it stands still."""
    last, changed_at = -1, time.perf_counter()
    while True:
        found = client.get("/api/accounting").raise_for_status().json()
        done = found["accepted"] - found["pending"]
        if done >= count and (count or found["pending"] == 0):
            return
        if done != last:
            last, changed_at = done, time.perf_counter()
        if time.perf_counter() - changed_at > STUCK_SECONDS:
            raise RuntimeError(f"nothing is drained any more: {found}")
        time.sleep(LOOK_SECONDS)
