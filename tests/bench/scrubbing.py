"""`python -m tests.bench.scrubbing [MESSAGES]`: how long a scrub of one text takes, and what those notice who write meanwhile.

A stack of its own, with a worker for all queues and one that stores alone, as `make up` has two. One message in a thousand has the text. For each scrub:
its seconds by stage, the latency of events until they are accepted and until they are stored, and the longest that a statement waited for a lock.
"""

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2 as httpx
import psycopg

from deploy.embedded.supervision.processes import wait_until
from tests import servers
from tests.bench.report import percentile
from tests.flow.conftest import Stack, running_stack, start
from tests.worker_command import WORKER_COMMAND

MESSAGES: Final = 200_000
TEXT: Final = "quux-vaku-loro-mite"
_ONE_IN: Final = 1_000
_BATCH: Final = 1_000
_PAUSE_SECONDS: Final = 0.05
_FILL_SECONDS: Final = 3_600
_STORING: Final = [*WORKER_COMMAND[:-2], "drain,capture", "--without-gossip", "-n", "storing@%h"]
_WAITING: Final = """
    SELECT max(extract(epoch FROM clock_timestamp() - query_start))::float FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()"""
_SIZES: Final = """
    SELECT relname || ' ' || pg_total_relation_size(oid) / 1024 ^ 2 || ' MB' FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY pg_total_relation_size(oid) DESC LIMIT 3"""


@dataclass
class Noticed:
    """Seconds until events were accepted and stored, and the longest wait for a lock."""

    accepted: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    longest_lock: float = 0.0

    def __str__(self) -> str:
        told = [
            f"{name} p50 {percentile(found, 0.5) * 1000:.0f} ms, p99 {percentile(found, 0.99) * 1000:.0f} ms"
            for name, found in (("accepted", self.accepted), ("stored", self.stored))
        ]
        return "; ".join([*told, f"longest wait for a lock {self.longest_lock * 1000:.0f} ms"])


def fill(stack: Stack, session_id: str, messages: int) -> None:
    """Returns when all is stored and indexed."""
    chosen = random.Random(1)
    words = ["".join(chosen.choices("abcdefghijklmnopqrstuvwxyz", k=chosen.randint(3, 10))) for _ in range(5_000)]

    def item(number: int) -> dict[str, str]:
        said = " ".join(chosen.choices(words, k=chosen.choice((20, 60, 200))))
        content = f"{said[:50]} {TEXT} {said[50:]}" if number % _ONE_IN == 0 else said
        return {"type": "conversation", "session_id": session_id, "role": "user", "content": content}

    for first in range(0, messages, _BATCH):
        batch = [item(number) for number in range(first, min(first + _BATCH, messages))]
        while stack.http.post("/api/events", json=batch).status_code != 200:
            time.sleep(_PAUSE_SECONDS)
    done = f"SELECT (SELECT count(*) FROM messages) >= {messages}"
    assert wait_until(lambda: stack.select(done) == [(True,)] and stack.is_searchable(), _FILL_SECONDS)


@contextmanager
def writing(stack: Stack, session_id: str) -> Iterator[Noticed]:
    """Events come in meanwhile, and locks are watched."""
    noticed, stopping = Noticed(), threading.Event()

    def write(found: list[float], headers: dict[str, str]) -> None:
        with httpx.Client(base_url=stack.http.base_url, timeout=60) as http:
            while not stopping.wait(_PAUSE_SECONDS):
                began = time.perf_counter()
                body = {"session_id": session_id, "role": "user", "content": f"live {TEXT}"}
                assert http.post("/api/conversations", json=body, headers=headers).status_code == 201
                found.append(time.perf_counter() - began)

    def watch() -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            while not stopping.wait(_PAUSE_SECONDS / 2):
                [(seconds,)] = connection.execute(_WAITING).fetchall()
                noticed.longest_lock = max(noticed.longest_lock, seconds or 0.0)

    threads = [threading.Thread(target=write, args=(noticed.accepted, {}))]
    threads += [threading.Thread(target=write, args=(noticed.stored, {"Prefer": "wait=30"})), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    try:
        yield noticed
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def scrub(stack: Stack, **options: Any) -> dict[str, float]:
    """Seconds of each stage of a scrub, and of the whole."""
    location = stack.http.post("/api/scrubs", json={"texts": [TEXT], "keep_out": False} | options).headers["location"]
    place = f"SELECT status, coalesce(at_stage, 'waits') FROM scrubs WHERE id = '{location.rpartition('/')[2]}'"
    seconds: dict[str, float] = {}
    began = at = time.perf_counter()
    last = "waits"
    while True:
        [(status, stage)] = stack.select(place)
        if stage != last:
            seconds[last], at, last = time.perf_counter() - at, time.perf_counter(), str(stage)
        if status in ("succeeded", "failed"):
            assert status == "succeeded", stack.http.get(location).text
            return seconds | {"all": time.perf_counter() - began}
        time.sleep(_PAUSE_SECONDS)


def measure(stack: Stack, session_id: str, name: str, work: Callable[[], dict[str, float]]) -> None:
    with writing(stack, session_id) as noticed:
        seconds = work()
    stages = ", ".join(f"{stage} {each:.1f}" for stage, each in seconds.items() if each >= 0.5)
    print(f"{name}: seconds: {stages}. {noticed}.", flush=True)


def _rest() -> dict[str, float]:
    time.sleep(15)
    return {}


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stack_folder = folder / "stack"
        stack_folder.mkdir()
        settings = {"TRACKER_BLOB_URL": (folder / "blobs").as_uri()}
        with (
            servers.postgres(folder / "postgres") as postgres,
            servers.redis(folder / "redis") as redis,
            running_stack(stack_folder, postgres.url, redis.url, 0, **settings) as stack,
        ):
            storing = start("storing", _STORING, stack.environment, stack_folder)
            session_id = str(uuid4())
            stack.http.post(
                "/api/sessions/start", json={"session_id": session_id, "project_path": "/home/ann/x"}, headers={"Prefer": "wait=20"}
            )
            fill(stack, session_id, messages)
            print(f"{messages:,} messages; {', '.join(str(size) for (size,) in stack.select(_SIZES))}", flush=True)
            measure(stack, session_id, "no scrub", _rest)
            measure(stack, session_id, "dry run", lambda: scrub(stack, dry_run=True))
            measure(stack, session_id, "scrub", lambda: scrub(stack))
            measure(stack, session_id, "scrub, large tables too", lambda: scrub(stack, rewrite_large=True))
            storing.terminate()
            storing.wait(60)


if __name__ == "__main__":
    main()
