"""The cost of `make up` while nothing happens: memory, processor time, wake-ups, connections and WAL, by process.

`python -m tests.bench.idle [--settle 60] [--seconds 60] [checkout …]` starts each checkout's stack in turn, on data of its own, with the TRACKER_… variables of the
environment. Linux only.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import psycopg

from deploy.embedded.paths import Paths
from deploy.embedded.servers.postgres import PostgresServer
from tests.bench.data_sets import bench_dir
from tests.bench.process_tree import cpu_seconds, descendants, pss_bytes
from tests.bench.report import machine, percentile, table

EVENTS = 100
EVENT_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Usage:
    """One process' figures. CPU is in seconds and has that of ended children; a wake-up is a voluntary switch of one of its threads."""

    name: str
    pss_bytes: int
    cpu_seconds: float
    wakeups: int


def usage(pid: int, names: dict[int, str]) -> Usage:
    """A process' memory, and the time that it has used."""
    proc = Path(f"/proc/{pid}")
    fields = (proc / "stat").read_text(errors="replace").rpartition(")")[2].split()
    switches = [
        int(line.split()[1])
        for status in proc.glob("task/*/status")
        for line in status.read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches:")
    ]
    return Usage(_name(pid, int(fields[1]), names), pss_bytes(pid), cpu_seconds(pid), sum(switches))


def _usages(supervisor: int, names: dict[int, str]) -> dict[int, Usage]:
    """Each process that has not just ended."""
    found = {}
    for pid in (supervisor, *descendants(supervisor)):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = usage(pid, names)
    return found


def _name(pid: int, parent: int, names: dict[int, str]) -> str:
    title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    if title.startswith("postgres: "):
        return f"postgres: {title.removeprefix('postgres: ')}"
    return names.get(pid) or f"{names.get(parent, '?')}: child"


def measure(checkout: Path, data: Path, settle: float, seconds: float) -> str:
    """A table of one checkout's idle stack."""
    shutil.rmtree(data, ignore_errors=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"TRACKER_DATA_DIR": str(data), "TRACKER_PORT": str(port)}
    up = subprocess.Popen([sys.executable, "-m", "deploy.embedded"], cwd=checkout, env=env, stdout=subprocess.PIPE, text=True)
    assert up.stdout is not None
    try:
        said = ""
        while "Stop  " not in said:
            line = up.stdout.readline()
            if not line:
                raise SystemExit(f"The stack did not start: {said}")
            said += line
        time.sleep(settle)
        paths = Paths(data)
        found = _measured(up.pid, paths, seconds)
        return f"{found} {_freshness(port, paths)}"
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=90)


def _measured(supervisor: int, paths: Paths, seconds: float) -> str:
    names = {int(file.read_text().split()[0]): file.stem for file in paths.run.glob("*.pid")} | {supervisor: "supervisor"}
    database = _database(paths)
    transactions = _transactions(database)
    before = _usages(supervisor, names)
    started = time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - started
    after = _usages(supervisor, names)
    transactions = _transactions(database) - transactions
    rows = []
    for pid, now in sorted(after.items(), key=lambda each: -each[1].pss_bytes):
        then = before.get(pid, Usage(now.name, 0, 0, 0))
        rows.append(_row(now.name, now.pss_bytes, (now.cpu_seconds - then.cpu_seconds) / elapsed, (now.wakeups - then.wakeups) / elapsed))
    cpu = sum(now.cpu_seconds for now in after.values()) - sum(then.cpu_seconds for pid, then in before.items() if pid in after)
    wakeups = sum(now.wakeups for now in after.values()) - sum(then.wakeups for pid, then in before.items() if pid in after)
    rows.append(_row(f"all {len(after)}", sum(now.pss_bytes for now in after.values()), cpu / elapsed, wakeups / elapsed))
    with psycopg.connect(database, application_name="idle") as connection:
        connections = connection.execute(
            "SELECT application_name, count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'idle'"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
    wal = sum(file.stat().st_size for file in (paths.postgres / "pg_wal").iterdir() if file.is_file())
    return "\n".join(
        (
            table(("process", "PSS, MB", "% of a core", "wake-ups a second"), rows),
            f"\nConnections: {', '.join(f'{name} {count}' for name, count in connections) or 'none'}."
            f" Transactions a minute: {transactions * 60 / elapsed:.0f}. WAL: {wal / 2**20:.0f} MB.",
        )
    )


def _freshness(port: int, paths: Paths) -> str:
    """From an event's answer to its row, with a pause before each event."""
    waits = []
    with psycopg.connect(_database(paths), autocommit=True, application_name="idle") as connection, httpx.Client(trust_env=False) as client:
        for _ in range(EVENTS):
            time.sleep(EVENT_PAUSE_SECONDS)
            event = {"id": str(uuid4()), "tool_name": "Bash", "result_status": "success", "timestamp": datetime.now(UTC).isoformat()}
            client.post(f"http://127.0.0.1:{port}/api/tool-calls", json=event).raise_for_status()
            answered = time.monotonic()
            while not connection.execute("SELECT FROM tool_calls WHERE id = %s", [event["id"]]).fetchall():
                time.sleep(0.001)
            waits.append(1000 * (time.monotonic() - answered))
    return f"An event's row after its answer: p50 {percentile(waits, 0.5):.1f} ms, p99 {percentile(waits, 0.99):.1f} ms."


def _database(paths: Paths) -> str:
    return PostgresServer(paths.postgres, paths.run, paths.log("postgres")).url


def _row(name: str, pss_bytes: int, cpu: float, wakeups: float) -> tuple[str, str, str, str]:
    return name, f"{pss_bytes / 2**20:.1f}", f"{cpu * 100:.2f}", f"{wakeups:.1f}"


def _transactions(database: str) -> int:
    """All databases together, since their statistics began."""
    with psycopg.connect(database, application_name="idle") as connection:
        [(count,)] = connection.execute(
            "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database WHERE datname IS NOT NULL"
        ).fetchall()
    return int(count)


def main(arguments: Sequence[str]) -> None:
    """Prints a table for each checkout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path(__file__).parents[2]])
    parser.add_argument("--settle", type=float, default=60, help="seconds between the start and the measurement")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args(arguments)
    print(machine())
    for checkout in options.checkouts:
        print(f"\n{checkout}\n", flush=True)
        print(measure(checkout.resolve(), bench_dir() / "idle", options.settle, options.seconds), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
