"""`make bench-scale`: how fast the journal is drained by 1, 2 and 4 workers, of 1 and 4 partitions, and by another stack of which one has the address.

Everything goes through HTTP, so that any stack can be measured: the workers are held, so many events are accepted, the workers are let go,
and GET /api/accounting tells how many are stored. The first row is what the others are compared with.

    python -m tests.bench.scale --partitions 4 --workers 2 --url http://127.0.0.1:8000 \\
        --hold 'docker compose pause worker-drain' --let-go 'docker compose unpause worker-drain'
"""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

import httpx2 as httpx

from deploy.embedded.postgres import PostgresServer
from deploy.embedded.redis_server import RedisServer
from deploy.migrations.migrate import migrate
from tests.bench.accepting import BATCH_EVENTS, start_sessions, without_id
from tests.bench.data_sets import bench_dir, say
from tests.bench.event_source import Events, EventSource
from tests.bench.held_workers import held, let_go
from tests.bench.report import machine, table
from tests.scale.pipeline import Pipeline, pipeline

HEAD = ("stack", "partitions", "drain workers", "accepted", "drained", "to the first row")
LOOK_SECONDS = 0.1
# Nothing was stored for so long: then nothing will be.
STUCK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Target:
    """A stack by its address, and how its drain workers are held and let go."""

    url: str
    hold: Callable[[], None]
    let_go: Callable[[], None]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rates:
    """Events a second."""

    accepted: float
    drained: float


def main() -> int:
    """Prints the table."""
    options = _options()
    events = EventSource(seed=1).tool_calls(options.events)
    rows: list[tuple[str, str, str, Rates]] = []
    for partitions in options.partitions:
        for workers in options.workers:
            with embedded(partitions, workers) as target:
                rows.append(("embedded", str(partitions), str(workers), _measured(target, events, options.rounds)))
    if options.url:
        headers = {"Authorization": f"Bearer {options.key}"} if options.key else {}
        target = Target(options.url, _command(options.hold), _command(options.let_go), headers)
        rows.append((options.name, options.url_partitions, options.url_workers, _measured(target, events, options.rounds)))
    first = rows[0][3].drained
    print(f"{options.events:,} tool calls, {BATCH_EVENTS} a request; medians of {options.rounds} rounds. {machine()}.\n")
    told = [[*what, f"{rates.accepted:,.0f}/s", f"{rates.drained:,.0f}/s", f"{rates.drained / first:.2f}×"] for *what, rates in rows]
    print(table(HEAD, told))
    return 0


@contextmanager
def embedded(partitions: int, workers: int) -> Iterator[Target]:
    """A stack of its own, as `make up` makes it but for the number of workers; nothing is left of it but logs."""
    folder = bench_dir() / "scale"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    postgres = PostgresServer(folder / "postgres", folder / "run", folder / "postgres.log")
    redis = RedisServer(folder / "redis", folder / "run", folder / "redis.log")
    try:
        postgres.start()
        redis.start()
        migrate(postgres.url)
        settings = {"database_url": postgres.url, "redis_url": redis.url, "log_level": "WARNING"}
        with pipeline(folder / "services", journal_partitions=str(partitions), **settings) as found:
            names = _start(found, workers)
            yield Target(found.url, lambda: held(found, names), lambda: let_go(found, names), {})
            let_go(found, names)
    finally:
        redis.stop()
        postgres.stop()
        for name in ("postgres", "redis"):
            shutil.rmtree(folder / name, ignore_errors=True)


def _start(found: Pipeline, workers: int) -> list[str]:
    names = [f"worker-{n}" for n in range(workers)]
    found.start_api()
    for name in names:
        found.start_worker(name)
    found.start_beat()
    found.await_ready()
    return names


def _measured(target: Target, events: Events, rounds: int) -> Rates:
    found = [_round(target, events) for _ in range(rounds)]
    return Rates(median(rates.accepted for rates in found), median(rates.drained for rates in found))


def _round(target: Target, events: Events) -> Rates:
    bodies = [
        b"[" + b",".join(without_id(event, tagged=True) for event in events.events[at : at + BATCH_EVENTS]) + b"]"
        for at in range(0, len(events.events), BATCH_EVENTS)
    ]
    with httpx.Client(base_url=target.url, timeout=60, headers=target.headers, trust_env=False) as client:
        start_sessions(urlsplit(target.url).port or 80, events, target.headers)
        _await(client, 0)
        before = _settled(client)
        target.hold()
        try:
            started = time.perf_counter()
            for body in bodies:
                _post(client, body)
            accepted = len(events.events) / (time.perf_counter() - started)
        finally:
            target.let_go()
        started = time.perf_counter()
        _await(client, before + len(events.events))
        drained = len(events.events) / (time.perf_counter() - started)
    say(f"{target.url}: {accepted:,.0f} a second accepted, then {drained:,.0f} a second drained")
    return Rates(accepted, drained)


def _post(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/events", content=body, headers={"Content-Type": "application/json"})
    if answer.status_code not in (200, 201):
        raise RuntimeError(f"not accepted: {answer.status_code} {answer.text[:300]}")


def _settled(client: httpx.Client) -> int:
    found = client.get("/api/accounting").raise_for_status().json()
    return int(found["accepted"] - found["pending"])


def _await(client: httpx.Client, settled: int) -> None:
    """Returns when so many events have left the journal, and none is in it but for what comes meanwhile. RuntimeError if it stands still."""
    last, changed_at = -1, time.perf_counter()
    while True:
        found = client.get("/api/accounting").raise_for_status().json()
        done = found["accepted"] - found["pending"]
        if done >= settled and (settled or found["pending"] == 0):
            return
        if done != last:
            last, changed_at = done, time.perf_counter()
        if time.perf_counter() - changed_at > STUCK_SECONDS:
            raise RuntimeError(f"nothing is drained any more: {found}")
        time.sleep(LOOK_SECONDS)


def _command(words: str) -> Callable[[], None]:
    def run() -> None:
        if words:
            subprocess.run(words, shell=True, check=True, capture_output=True)

    return run


def _options() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",") if word]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="how many each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partitions", type=numbers, default=[1, 4], help="of the embedded stack; empty: it is left out")
    parser.add_argument("--workers", type=numbers, default=[1, 2, 4])
    parser.add_argument("--url", help="another stack to measure")
    parser.add_argument("--name", default="composed", help="what it is called in the table")
    parser.add_argument("--url-partitions", default="?", help="for the table")
    parser.add_argument("--url-workers", default="?", help="for the table")
    parser.add_argument("--key", help="an API key of it, if it wants one")
    parser.add_argument("--hold", default="", help="a command that holds its drain workers; without one they drain while events come in")
    parser.add_argument("--let-go", default="", help="a command that lets them go")
    options = parser.parse_args()
    if not options.url and not (options.partitions and options.workers):
        parser.error("nothing to measure: give --partitions and --workers, or --url")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
