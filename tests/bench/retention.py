"""`python -m tests.bench.retention [--share 0.05] [--rate 100]`: each kind of retention on a filled database, while live events come in.

A copy of the data set of the reads (three years), with rows of the tracker's own and transcripts beside it. A process of its own stores live events, as
the drain does: a batch each tenth of a second. A row tells how long a run took, its longest transaction (no lock is held longer), how long the
live batches took before and during it, and what the database takes before and after. At the end `verify` compares all cells.
"""

import argparse
import multiprocessing
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.synchronize import Event as StopEvent
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import psycopg

from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer
from services.worker.maintenance.retention import run_retention
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.events.messages import Conversation, Event, SessionStart, ToolCall
from tests.bench.data_sets import SEARCH_FOLDER, bench_dir, drift, prepared, say
from tests.bench.load import IDLE_GAP
from tests.bench.plan import LARGE
from tests.bench.report import machine, table

BATCH_SECONDS: Final = 0.1
# Each with the days that it keeps: of three years until the end of June 2026, about the older half goes.
KINDS: Final = (
    *(("texts", 600), ("sessions", 800), ("archive", 400)),
    *(("jobs", 30), ("dead_letters", 30), ("scrubs", 30), ("audit", 30), ("live_payloads", 30)),
)
HEAD: Final = (
    *("kind", "sessions", "rows", "seconds", "longest transaction, ms", "live p99 before, ms", "live p99 during, ms", "slowest live, ms"),
    *("MB before", "MB after"),
)
# Rows beside the data set, in thousands of the share: of every kind some, most of them old.
FILL: Final = (
    """INSERT INTO audit_log (at, who, act, subject, details)
       SELECT now() - make_interval(days => n %% 60), 'open', 'key.create', n::text, '{"name": "a key"}' FROM generate_series(1, %(n)s) AS n""",
    """INSERT INTO scrubs (id, status, finished_at) SELECT gen_random_uuid(), 'succeeded', now() - make_interval(days => n %% 60)
       FROM generate_series(1, %(n)s / 100) AS n""",
    """INSERT INTO hook_payloads (id, session_id, occurred_at, received_at, payload)
       SELECT gen_random_uuid(), 'gone-' || n, at, at, repeat('{"text": "what a hook said"}', 40)
       FROM generate_series(1, %(n)s / 10) AS n, LATERAL (SELECT now() - make_interval(days => 20 + n %% 40) AS at) AS t""",
    """INSERT INTO dead_letters (id, event_id, kind, reason, payload, attempts, journal_entry_id, first_seen_at, last_seen_at)
       SELECT gen_random_uuid(), gen_random_uuid(), 'conversation', 'it could not be stored', convert_to(repeat('text ', 200), 'UTF8'), 1, n || '-1', at, at
       FROM generate_series(1, %(n)s / 10) AS n, LATERAL (SELECT now() - make_interval(days => n %% 60) AS at) AS t""",
    """INSERT INTO import_jobs (id, kind, status, files, has_files, finished_at)
       SELECT gen_random_uuid(), 'reparse', 'succeeded', '[]', false, now() - make_interval(days => n %% 60) FROM generate_series(1, %(n)s / 100) AS n""",
    """INSERT INTO transcript_files (session_id, file_name, machine_id, stored_offset, parsed_offset, changed_at)
       SELECT session_id, session_id || '.jsonl', 'm', 20000, 20000, coalesce(last_event_at, created_at) FROM sessions""",
    """INSERT INTO transcript_ranges (file_id, start_offset, end_offset, content, raw_bytes, received_at)
       SELECT id, 0, 20000, decode(repeat(md5(id::text), 250), 'hex'), 20000, changed_at FROM transcript_files""",
)


class Run(NamedTuple):
    """What a run was seen to do."""

    sessions: int
    rows: int
    seconds: float
    longest_transaction: float


class Bytes(NamedTuple):
    before: int
    after: int


def main() -> int:
    """Prints the table; 1 if a cell differs at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retention", description=__doc__)
    parser.add_argument("--share", type=float, default=0.05, help="of 1,000,000 messages and 5,000,000 tool calls")
    parser.add_argument("--rate", type=int, default=100, help="live events a second")
    parser.add_argument("--days", type=int, help="for texts and sessions, instead of what drops the older half")
    parser.add_argument("--baseline", type=float, default=20.0, help="seconds of live events alone")
    options = parser.parse_args()
    server = prepared(1, LARGE.part(options.share))
    source = server.data_dir.parent
    server.stop()
    folder = bench_dir() / "retention"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("run", "*.log", SEARCH_FOLDER))
    folder.chmod(0o755)
    postgres = PostgresServer(folder / "postgres", folder / "run", folder / "postgres.log")
    redis = RedisServer(folder / "redis", folder / "run", folder / "redis.log")
    postgres.start()
    redis.start()
    try:
        worker = open_resources(Settings(database_url=postgres.url, redis_url=redis.url, archive_url=(folder / "archive").as_uri()))
        print(_measured(worker, options.share, options.rate, options.baseline, options.days))
        differences = drift(postgres)
        worker.close()
    finally:
        redis.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nverify: {'ok' if not any(differences.values()) else differences}")
    return 1 if any(differences.values()) else 0


def _measured(worker: Resources, share: float, rate: int, baseline_seconds: float, days_of_sessions: int | None) -> str:
    with worker.transaction() as connection:
        for statement in FILL:
            connection.execute(statement.encode(), {"n": round(1_000_000 * share)})
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    rows = []
    for what, days in KINDS:
        say(f"{what} …")
        with _live_events(worker.settings, rate) as live:
            time.sleep(baseline_seconds)
            before = live()
            size = _database_bytes(worker)
            run = _run(worker, what, days_of_sessions or days if what in ("texts", "sessions") else days)
            during = live()
        _checkpoint(worker)
        rows.append(_row(what, run, before, during, Bytes(size, _database_bytes(worker))))
    size = _database_bytes(worker)
    began = time.monotonic()
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("VACUUM (FULL, ANALYZE)")
    seconds = time.monotonic() - began
    written_anew = f"All tables written anew: {_mb(size)} MB before, {_mb(_database_bytes(worker))} MB after, in {seconds:.1f} s, each locked meanwhile."
    return f"{machine()}; {rate} live events/s.\n\n{table(HEAD, rows)}\n\n{written_anew}"


def _row(what: str, run: Run, before: list[float], during: list[float], size: Bytes) -> tuple[str, ...]:
    numbers = (f"{run.sessions:,}", f"{run.rows:,}", f"{run.seconds:.1f}")
    times = (run.longest_transaction, _percentile(before, 0.99), _percentile(during, 0.99), max(during, default=0.0))
    return (what, *numbers, *(f"{seconds * 1000:.0f}" for seconds in times), _mb(size.before), _mb(size.after))


def _run(worker: Resources, what: str, days: int) -> Run:
    with worker.transaction() as connection:
        connection.execute("DELETE FROM retention_rules")
        connection.execute("INSERT INTO retention_rules (what, days) VALUES (%s, %s)", (what, days))
        run_id = uuid4()
        connection.execute("INSERT INTO retention_runs (id, is_dry_run) VALUES (%s, false)", (run_id,))
    began, longest = time.monotonic(), 0.0
    # A run of no time takes one step, and rests for as long.
    while True:
        stage, step = _stage(worker, run_id), time.monotonic()
        is_more = run_retention.run(worker, run_id, run_seconds=0)
        if stage not in ("archive_contents", "postgres_files", "done"):
            took = time.monotonic() - step
            longest = max(longest, took - min(took / 2, run_retention.MOST_REST_SECONDS))
        if not is_more:
            break
    seconds = time.monotonic() - began
    with worker.transaction() as connection:
        counted = "SELECT coalesce(sum(sessions), 0)::bigint, coalesce(sum(rows), 0)::bigint FROM retention_counts WHERE run_id = %s"
        [(sessions, rows)] = connection.execute(counted, (run_id,)).fetchall()
    return Run(sessions, rows, seconds, longest)


def _stage(worker: Resources, run_id: UUID) -> str | None:
    with worker.transaction() as connection:
        [(stage,)] = connection.execute("SELECT at_stage FROM retention_runs WHERE id = %s", (run_id,)).fetchall()
    return None if stage is None else str(stage)


@contextmanager
def _live_events(settings: Settings, rate: int) -> Iterator[Any]:
    """While it lasts, live events are stored. Gives a function: the seconds of each batch since it was asked last."""
    context = multiprocessing.get_context("spawn")
    stop, times = context.Event(), context.Queue()
    process = context.Process(target=_store_live, args=(settings.database_url, settings.redis_url, rate, stop, times))
    process.start()

    def taken() -> list[float]:
        found = []
        while not times.empty():
            found.append(times.get())
        return found

    try:
        times.get()
        yield taken
    finally:
        stop.set()
        process.join()


def _store_live(database_url: str, redis_url: str, rate: int, stop: StopEvent, times: Any) -> None:
    worker = open_resources(Settings(database_url=database_url, redis_url=redis_url))
    due, number = time.monotonic(), 0
    while not stop.is_set():
        batch = [_event(number + each) for each in range(max(1, round(rate * BATCH_SECONDS)))]
        number += len(batch)
        began = time.monotonic()
        with worker.transaction() as connection:
            persist_isolating(connection, batch, idle_gap=IDLE_GAP)
        times.put(time.monotonic() - began)
        # A machine that cannot keep the rate is not measured by what has piled up.
        due = max(due + BATCH_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
    worker.close()
    sys.stdout.flush()


def _event(number: int) -> ReceivedEvent:
    now, session_id = datetime.now(UTC), f"live-{number // 500}"
    event: Event
    if number % 500 == 0:
        event = SessionStart(project_path=f"/live/{number % 7}", user="ann", start_time=now, session_id=session_id, id=uuid4())
    elif number % 3:
        event = ToolCall(
            session_id=session_id, tool_name="Bash", result_status="success", execution_time_ms=number % 900, timestamp=now, id=uuid4()
        )
    else:
        event = Conversation(session_id=session_id, content=f"live text {number}", role="user", timestamp=now, id=uuid4())
    return ReceivedEvent(event, now, "bench", f"{number}-1")


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def _database_bytes(worker: Resources) -> int:
    with worker.transaction() as connection:
        [(size,)] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    return int(size)


def _checkpoint(worker: Resources) -> None:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f}"


if __name__ == "__main__":
    raise SystemExit(main())
