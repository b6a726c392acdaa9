"""The checker: what is in the database after the faults, against what was acknowledged (docs/evidence/faults.md, C1 to C6)."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from psycopg import Connection
from redis import Redis

from services.worker.drain.accounting import OUTCOMES
from services.worker.maintenance.verify import verify
from shared.events.event_kinds import KINDS
from shared.journal.accounting import Accounting, Outcome, balance, read_accounts
from shared.journal.streams import stream_key
from tests.faults.clients.acks import Acks
from tests.faults.pace import wait_until
from tests.faults.product.stack import SERVICES, Stack

DRAINED_SECONDS = 180.0
HEALED_SECONDS = 60.0
STREAMS = [stream_key(0)]
CHUNK_BYTES = 1024**2
RARE_DEATHS = 50
IDLE_GAP = timedelta(seconds=300)
TABLES = tuple(dict.fromkeys(kind.table for kind in KINDS.values()))
# A row that only an import has brought is no accepted event.
_ROWS = " UNION ALL ".join(
    f"SELECT id, '{table}' AS place FROM {table}{'' if table == 'session_events' else ' WHERE brought_by IS NULL'}" for table in TABLES
)
# An event that is acknowledged twice, as its second try was too, counts once, for the fault before its first.
_SET_UP = f"""
    CREATE TEMPORARY TABLE acknowledgements (number bigint GENERATED ALWAYS AS IDENTITY, id uuid, place text, fault text);
    CREATE TEMPORARY TABLE stored AS {_ROWS} UNION ALL SELECT event_id, 'dead_letters' FROM dead_letters WHERE event_id IS NOT NULL AND stored_at IS NULL"""
_ACKED = """
    CREATE TEMPORARY TABLE acked AS
    SELECT DISTINCT ON (id) id, place, fault FROM acknowledgements ORDER BY id, number;
    ANALYZE acked; ANALYZE stored"""
_BY_FAULT = {
    "accepted": "SELECT fault, count(*) FROM acked GROUP BY 1",
    "lost": "SELECT fault, count(*) FROM acked AS a WHERE NOT EXISTS (SELECT FROM stored AS s WHERE s.id = a.id) GROUP BY 1",
    "misplaced": "SELECT fault, count(*) FROM acked AS a JOIN stored AS s USING (id) WHERE s.place <> a.place GROUP BY 1",
    "double": """
        SELECT coalesce(a.fault, 'not acknowledged'), count(*)
        FROM (SELECT id FROM stored GROUP BY id HAVING count(*) > 1) AS s LEFT JOIN acked AS a USING (id) GROUP BY 1""",
}
_JOBS = """
    SELECT count(*) FILTER (WHERE status IN ('queued', 'running')), count(*) FILTER (WHERE status = 'succeeded'), count(*) FROM import_jobs"""
_LEDGER = "SELECT coalesce(sum(persisted), 0)::bigint, coalesce(sum(duplicates), 0)::bigint, coalesce(sum(dead), 0)::bigint FROM ledger"


class Servers(Protocol):
    """Both servers are looked into: however the product runs, they can be asked past it."""

    def database(self) -> Connection[tuple[object, ...]]:
        """A new connection to Postgres, in autocommit."""

    def redis(self, *, decode_responses: bool = True) -> Redis:
        """A new client of Redis."""


@dataclass
class Count:
    """Events by the last fault before their acknowledgement; of the whole run what no fault can be named for."""

    accepted: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    misplaced: Counter[str] = field(default_factory=Counter)
    double: Counter[str] = field(default_factory=Counter)
    drift: dict[str, int] = field(default_factory=dict)
    stored: int = 0
    imports: str = ""
    duplicates_dropped: int = 0
    violations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(stack: Stack, acks: Acks) -> Count:
    """Counts everything, after the last event, and looks whether all are well."""
    count = count_events(stack, acks)
    count.violations += _unhealthy(stack, count)
    return count


def count_events(stack: Servers, acks: Acks) -> Count:
    """Every event that was acknowledged, and all accounts. The server does the counting: a million events are too many for lists."""
    count = Count()
    count.violations += _unsettled(stack)
    _await_imports(stack, count)
    with stack.database() as connection:
        connection.execute("SET work_mem = '128MB'")
        _compare(connection, acks, count)
        _check_accounts(stack, connection, count)
        count.drift = verify(connection, IDLE_GAP)
    if any(count.drift.values()):
        count.violations.append(f"C3: aggregates differ from the rows: {count.drift}")
    return count


def waiting(redis: Redis) -> tuple[int, int]:
    """How many entries are in the journal, and how many of them a worker has taken."""
    streams = list(redis.scan_iter(match="journal:{*}", _type="stream"))
    # A stream has no group yet if the disk was full before the first drain: so not XPENDING, which wants one.
    groups: list[dict[str, Any]] = [group for stream in streams for group in redis.xinfo_groups(stream)]
    return sum(redis.xlen(stream) for stream in streams), sum(group["pending"] for group in groups)


def _unsettled(stack: Servers) -> list[str]:
    """C4: what was accepted does not lie in the journal for ever."""
    with stack.redis() as redis:
        if wait_until(lambda: waiting(redis) == (0, 0), DRAINED_SECONDS):
            return []
        return [f"C4: after {DRAINED_SECONDS:.0f} s the journal still holds (entries, taken ones): {waiting(redis)}"]


def _await_imports(stack: Servers, count: Count) -> None:
    """C4: imports end too, and well."""
    with stack.database() as connection:

        def counted() -> tuple[int, int, int]:
            [row] = connection.execute(_JOBS).fetchall()
            return row  # type: ignore[return-value]

        wait_until(lambda: counted()[0] == 0, DRAINED_SECONDS)
        unfinished, succeeded, jobs = counted()
    count.imports = f"{succeeded} of {jobs} imports succeeded"
    if succeeded != jobs:
        count.violations.append(f"C4: {count.imports}, {unfinished} are not finished")


def _compare(connection: Connection[Any], acks: Acks, count: Count) -> None:
    """C1: every acknowledged event is in its table. C2: none is there twice."""
    connection.execute(_SET_UP.encode())
    with acks.path.open("rb") as file, connection.cursor().copy("COPY acknowledgements (id, place, fault) FROM STDIN") as copy:
        while chunk := file.read(CHUNK_BYTES):
            copy.write(chunk)
    connection.execute(_ACKED)
    for name, sql in _BY_FAULT.items():
        getattr(count, name).update(dict(connection.execute(sql.encode()).fetchall()))
    for name, numbers in (("C1: lost", count.lost), ("C1: in a wrong table", count.misplaced), ("C2: stored twice", count.double)):
        if numbers:
            count.violations.append(f"{name}: {numbers.total()} events, by the last fault: {dict(numbers)}")


def _check_accounts(stack: Servers, connection: Connection[Any], count: Count) -> None:
    """C4: the worker's own account agrees with the tables; and there is no poison here, so there must be no dead letters."""
    [(persisted, count.duplicates_dropped, dead)] = connection.execute(_LEDGER).fetchall()
    [(count.stored, dead_letters)] = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE place = 'dead_letters') FROM stored"
    ).fetchall()
    [(entries,)] = connection.execute("SELECT count(*) FROM dead_letters WHERE event_id IS NULL AND stored_at IS NULL").fetchall()
    if persisted != count.stored - dead_letters:
        count.violations.append(
            f"C4: the ledger says that {persisted} events were persisted, the tables hold {count.stored - dead_letters}"
        )
    found = _equation(stack, connection)
    if found.drift or found.pending:
        count.violations.append(f"C4: accepted = persisted + duplicate + dead + pending does not hold: {found}")
    if dead_letters or entries or dead:
        count.violations.append(f"C4: dead letters: {dead_letters} events and {entries} whole entries, {dead} by the ledger")


def _equation(stack: Servers, connection: Connection[Any]) -> Accounting:
    with stack.redis(decode_responses=False) as redis:
        accounts = read_accounts(redis, STREAMS)
    outcomes = {epoch: Outcome(*counts) for epoch, *counts in connection.execute(OUTCOMES).fetchall()}
    return balance(accounts, outcomes, accounts)


def _unhealthy(stack: Stack, count: Count) -> list[str]:
    """C6: everything runs, and hardly anything has died that was not ended on purpose.

    Celery 5.7 ends with an error now and then when Redis goes away while it starts or acknowledges, and is started again; each such death
    is noted, and a broken promise if it comes oftener than once in RARE_DEATHS faults.
    """
    problems = []
    if not wait_until(lambda: not stack.dead_services() and stack.is_ready(), HEALED_SECONDS):
        problems.append(f"C6: not ready at the end; not running: {stack.dead_services() or 'none'}")
    for service in SERVICES:
        deaths, unready, wanted = stack.deaths(service), stack.deaths_while_starting(service), stack.deaths_wanted[service]
        told = f"{service} died {deaths} times, {unready} of them while starting, and was ended on purpose {wanted} times"
        if not wanted <= deaths <= wanted + unready + 1 + stack.deaths_wanted.total() // RARE_DEATHS:
            problems.append(f"C6: {told}")
        elif deaths > wanted:
            count.notes.append(told)
    return problems
