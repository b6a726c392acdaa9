"""`python -m tests.bench.costs`: what an event costs, end to end: CPU by process, WAL, disk. docs/evidence/growing.md counts with it.

CPU time hardly depends on what else the machine does, so that these numbers hold where rates do not.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import psycopg

from tests.bench.accepting import BATCH_EVENTS
from tests.bench.event_source import Events, EventSource
from tests.bench.report import machine, table
from tests.bench.scaled_stack import ScaledStack, await_settled, bodies_of, scaled_stack, send

HEAD = ("an event", "ingest", "Redis", "worker", "Postgres", "all, CPU", "WAL", "disk")


@dataclass(frozen=True, slots=True)
class Spent:
    """So far: CPU seconds by process, bytes of WAL, bytes of the database."""

    cpu_seconds: Mapping[str, float]
    wal_bytes: int
    disk_bytes: int


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="of each kind")
    count: int = parser.parse_args().events
    source = EventSource(seed=1)
    kinds: Sequence[tuple[str, Callable[[int], Events]]] = (("tool call", source.tool_calls), ("message", source.messages))
    rows = []
    with scaled_stack(1, 1) as stack:
        for name, made in kinds:
            _store(stack, made(count // 10))
            rows.append((name, *_told(stack, made(count))))
    print(f"{count:,} of each kind, {BATCH_EVENTS} a request, persisted while more arrives. {machine()}.\n")
    print(table(HEAD, rows))
    return 0


def _told(stack: ScaledStack, events: Events) -> list[str]:
    before = _spent(stack)
    _store(stack, events)
    after = _spent(stack)
    count = len(events.events)
    micros = [(after.cpu_seconds[name] - before.cpu_seconds[name]) * 1e6 / count for name in after.cpu_seconds]
    cpu = [f"{each:.0f} µs" for each in (*micros, sum(micros))]
    return [*cpu, f"{(after.wal_bytes - before.wal_bytes) / count:,.0f} B", f"{(after.disk_bytes - before.disk_bytes) / count:,.0f} B"]


def _store(stack: ScaledStack, events: Events) -> None:
    with httpx.Client(base_url=stack.pipeline.url, timeout=60, trust_env=False) as client:
        send(client, bodies_of(client, events))
        await_settled(client, 0)


def _spent(stack: ScaledStack) -> Spent:
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        # Writes out now all that is still in memory, so that it counts.
        connection.execute("CHECKPOINT")
        row = connection.execute("SELECT wal_bytes::bigint, pg_database_size(current_database()) FROM pg_stat_wal").fetchone()
    assert row is not None
    pids = {
        "ingest": [stack.pipeline.running["api"].pid],
        "Redis": [stack.redis.pid],
        "worker": [stack.pipeline.running[name].pid for name in stack.workers],
        "Postgres": [stack.postgres.pid],
    }
    return Spent({name: sum(_cpu_seconds(pid) for pid in of) for name, of in pids.items()}, row[0], row[1])


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, including ended ones. Linux only."""
    # Behind the name, which may have blanks: utime, stime, and those of children that were waited for, are the 12th to 15th.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return own + sum(_cpu_seconds(int(child)) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


if __name__ == "__main__":
    raise SystemExit(main())
