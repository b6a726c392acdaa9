"""The checker: what is in the database after the faults, against what was acknowledged (RELIABILITY.md §3.2, C1 to C6)."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from psycopg import Connection
from redis import Redis

from deploy.embedded.processes import wait_until
from deploy.embedded.redis_server import RedisServer
from services.worker.verify import verify
from shared.accounting import Outcome, judge, read_accounts
from shared.journal import GROUP
from tests.faults.acks import Ack
from tests.faults.stack import SERVICES, Stack

DRAINED_SECONDS = 120.0
HEALED_SECONDS = 60.0
IDLE_GAP = timedelta(seconds=300)
TABLES = ("session_events", "messages", "tool_calls", "activities")
_ROWS = " UNION ALL ".join(f"SELECT id::text, '{table}' FROM {table}" for table in TABLES)
_BURIED = "SELECT event_id::text, 'dead_letters' FROM dead_letters WHERE event_id IS NOT NULL"
_LEDGER = "SELECT coalesce(sum(persisted), 0)::bigint, coalesce(sum(duplicates), 0)::bigint, coalesce(sum(dead), 0)::bigint FROM ledger"

_OUTCOMES = "SELECT epoch, sum(persisted)::bigint, sum(duplicates)::bigint, sum(dead)::bigint FROM accounts GROUP BY epoch"


@dataclass
class Count:
    """Events by the last fault before their acknowledgement; of the whole run what no fault can be named for."""

    accepted: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    double: Counter[str] = field(default_factory=Counter)
    drift: dict[str, int] = field(default_factory=dict)
    stored: int = 0
    duplicates_dropped: int = 0
    violations: list[str] = field(default_factory=list)


def check(stack: Stack, acks: Iterable[Ack], kills: Counter[str]) -> Count:
    """Counts everything, after the last event. `kills`: how often each service was killed on purpose."""
    count = Count()
    count.violations += _unsettled(stack)
    with stack.database() as connection:
        _compare(connection, acks, count)
        _check_accounts(connection, count)
        _check_equation(stack, connection, count)
        count.drift = verify(connection, IDLE_GAP)
    if any(count.drift.values()):
        count.violations.append(f"C3: aggregates differ from the rows: {count.drift}")
    count.violations += _unhealthy(stack, kills)
    return count


def waiting(redis: Redis) -> tuple[int, int]:
    """How many entries are in the journal, and how many of them a worker has taken."""
    streams = list(redis.scan_iter(match="journal:{*}", _type="stream"))
    pending: list[dict[str, Any]] = [redis.xpending(stream, GROUP) for stream in streams]
    return sum(redis.xlen(stream) for stream in streams), sum(item["pending"] for item in pending)


def _unsettled(stack: Stack) -> list[str]:
    """C4: what was accepted does not lie in the journal for ever."""
    with stack.redis() as redis:
        if wait_until(lambda: waiting(redis) == (0, 0), DRAINED_SECONDS):
            return []
        return [f"C4: after {DRAINED_SECONDS:.0f} s the journal still holds (entries, taken ones): {waiting(redis)}"]


def _compare(connection: Connection[Any], acks: Iterable[Ack], count: Count) -> None:
    """C1: every acknowledged event is in its table. C2: none is there twice."""
    places: dict[str, list[str]] = defaultdict(list)
    for event_id, table in connection.execute(f"{_ROWS} UNION ALL {_BURIED}".encode()):
        places[event_id].append(table)
    faults = {ack.stored.event_id: ack.fault for ack in acks}
    count.accepted.update(faults.values())
    count.stored = len(places)
    for event_id, fault in faults.items():
        count.lost[fault] += event_id not in places
    for event_id, tables in places.items():
        count.double[faults.get(event_id, "not acknowledged")] += len(tables) > 1
    wrong = [ack.stored for ack in acks if places.get(ack.stored.event_id, [ack.stored.table])[0] != ack.stored.table]
    for name, number in (
        ("C1: lost", count.lost.total()),
        ("C2: stored twice", count.double.total()),
        ("C1: in a wrong table", len(wrong)),
    ):
        if number:
            count.violations.append(f"{name}: {number} events")


def _check_accounts(connection: Connection[Any], count: Count) -> None:
    """C4: the worker's own account agrees with the tables; and nothing here is poison, so nothing may be buried."""
    [(persisted, count.duplicates_dropped, dead)] = connection.execute(_LEDGER).fetchall()
    [(rows,)] = connection.execute(f"SELECT count(*) FROM ({_ROWS}) AS stored".encode()).fetchall()
    [(buried,)] = connection.execute("SELECT count(*) FROM dead_letters").fetchall()
    if persisted != rows:
        count.violations.append(f"C4: the ledger says that {persisted} events were persisted, the tables hold {rows}")
    if buried or dead:
        count.violations.append(f"C4: {buried} dead letters, {dead} by the ledger")


def _check_equation(stack: Stack, connection: Connection[Any], count: Count) -> None:
    """C4: with nothing under way, what the journal accepted is to the event what Postgres says became of it, and no other journal was there."""
    with Redis.from_url(RedisServer(stack.paths.redis, stack.paths.run, stack.paths.log("redis")).url) as redis:
        accounts = read_accounts(redis, partitions=1)
    outcomes = {epoch: Outcome(*counts) for epoch, *counts in connection.execute(_OUTCOMES).fetchall()}
    found = judge(accounts, outcomes, accounts)
    if found.pending or found.drift or found.former_epochs or found.accepted != found.persisted + found.duplicate + found.dead:
        count.violations.append(f"C4: the journal's account does not come out: {found}")


def _unhealthy(stack: Stack, kills: Counter[str]) -> list[str]:
    """C6: everything runs, and nothing has died that was not killed."""
    problems = []
    if not wait_until(lambda: not stack.dead_services() and stack.is_ready(), HEALED_SECONDS):
        problems.append(f"C6: not ready at the end; not running: {stack.dead_services() or 'none'}")
    for service in SERVICES:
        if (deaths := stack.deaths(service)) != kills[service]:
            problems.append(f"C6: {service} died {deaths} times and was killed {kills[service]} times")
    return problems
