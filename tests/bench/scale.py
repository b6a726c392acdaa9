"""`make bench-scale`: how fast the journal is drained by 1, 2 and 4 workers, of 1 and 4 partitions, and by another stack of which one has the address.

Everything goes through HTTP, so that any stack can be measured: the workers are held, so many events are accepted, the workers are let go,
and GET /api/accounting tells how many are stored. The first row is what the others are compared with.

    python -m tests.bench.scale --partitions 4 --workers 2 --url http://127.0.0.1:8000 \\
        --hold 'docker compose pause worker-drain' --let-go 'docker compose unpause worker-drain'
"""

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import httpx2 as httpx

from tests.bench.accepting import BATCH_EVENTS
from tests.bench.data_sets import say
from tests.bench.event_source import Events, EventSource
from tests.bench.report import machine, table
from tests.bench.scaled_stack import await_settled, bodies_of, scaled_stack, send, settled
from tests.scale.pipeline import Pipeline


def held(pipeline: Pipeline, names: Iterable[str]) -> None:
    """Stops the workers and their pools where they are."""
    _tell(pipeline, names, signal.SIGSTOP)


def let_go(pipeline: Pipeline, names: Iterable[str]) -> None:
    """Lets them go on."""
    _tell(pipeline, names, signal.SIGCONT)


def _tell(pipeline: Pipeline, names: Iterable[str], number: signal.Signals) -> None:
    for name in names:
        for pid in _family(pipeline.running[name].pid):
            os.kill(pid, number)


def _family(pid: int) -> Iterator[int]:
    """A process and its children."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)


HEAD = ("stack", "partitions", "drain workers", "accepted", "drained", "to the first row")


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
            with scaled_stack(partitions, workers) as stack:
                target = Target(
                    stack.pipeline.url, partial(held, stack.pipeline, stack.workers), partial(let_go, stack.pipeline, stack.workers), {}
                )
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


def _measured(target: Target, events: Events, rounds: int) -> Rates:
    found = [_round(target, events) for _ in range(rounds)]
    return Rates(median(rates.accepted for rates in found), median(rates.drained for rates in found))


def _round(target: Target, events: Events) -> Rates:
    with httpx.Client(base_url=target.url, timeout=60, headers=target.headers, trust_env=False) as client:
        bodies = bodies_of(client, events)
        before = settled(client)
        target.hold()
        try:
            started = time.perf_counter()
            send(client, bodies)
            accepted = len(events.events) / (time.perf_counter() - started)
        finally:
            target.let_go()
        started = time.perf_counter()
        await_settled(client, before + len(events.events))
        drained = len(events.events) / (time.perf_counter() - started)
    say(f"{target.url}: {accepted:,.0f} a second accepted, then {drained:,.0f} a second drained")
    return Rates(accepted, drained)


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
