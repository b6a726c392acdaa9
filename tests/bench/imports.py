"""`python -m tests.bench.imports`: how fast an archive of transcripts is imported, and in how much memory.

The archive is made of the sample transcripts (TRACKER_SAMPLES, default ../shared/samples), or else of a made-up week. They are copied
with fresh ids until it is as large as asked. It is imported by as many worker processes as it has shares, from a blob, into PostgreSQL with the
settings of the embedded stack. Then it is undone. Each round imports it without the archive and with it, in turns.
"""

import argparse
import multiprocessing
import resource
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from services.worker.importers.job import run_shard
from services.worker.resources import open_resources
from services.worker.settings import Settings
from tests.bench.import_archive import make_archive, samples
from tests.bench.report import machine
from tests.bench.stack import own_servers
from tests.made_up_week import WEEK_HOURS, write_week

TARGET_MB_A_SECOND = 45
TARGET_MEMORY_MB = 256
# An import that archives transcripts, to one that does not.
TARGET_RATIO = 1.1


class Run(NamedTuple):
    """One job: seconds by the clock, seconds of CPU of its workers, and the most memory that one of them had."""

    seconds: float
    cpu: float
    memory_mb: float


def main() -> None:
    """Prints a row a round and the medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.imports")
    parser.add_argument("--megabytes", type=int, default=75, help="of transcripts, unpacked")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shares", type=int, default=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tracker-bench-"))
    folder.chmod(0o755)
    try:
        files = samples() or _made_up(folder / "home")
        archive = folder / "samples.zip"
        megabytes = make_archive(files, archive, options.megabytes * 1_000_000) / 1e6
        print(
            f"{megabytes:,.0f} MB of transcripts, {archive.stat().st_size / 1e6:,.0f} MB as a zip; {options.shares} shares. {machine()}\n"
        )
        print(
            "| round | without archive | with archive | ratio | ratio of CPU | MB/s | undo | peak memory of a worker |\n|" + " ---: |" * 8
        )
        _rounds(folder, archive, megabytes, options.rounds, options.shares)
    finally:
        shutil.rmtree(folder)


def _made_up(home: Path) -> list[Path]:
    print("There are no sample transcripts (TRACKER_SAMPLES); a made-up week is used.\n")
    start = datetime(2026, 6, 1, tzinfo=UTC)
    write_week(home, start, start + timedelta(hours=WEEK_HOURS))
    return sorted(home.rglob("*.jsonl"))


def _rounds(folder: Path, archive: Path, megabytes: float, rounds: int, shares: int) -> None:
    with own_servers(folder) as (server, redis):
        plain: list[Run] = []
        archived: list[Run] = []
        stored_bytes = 0
        for number in range(1, rounds + 1):
            # In turns, since the second of two finds more in the caches.
            for store in (None, folder / "archive") if number % 2 else (folder / "archive", None):
                blob = folder / f"blob-{number}"
                shutil.copyfile(archive, blob)
                job_id = add_job(server.url, blob, shares)
                (archived if store else plain).append(run_job(server.url, redis.url, job_id, shares, store))
                undone = run_job(server.url, redis.url, _add_undo(server.url, job_id), 1, None)
                if store:
                    stored_bytes = _bytes_in(store)
                    shutil.rmtree(store)
            _print_row(number, megabytes, plain[-1], archived[-1], undone)
        _print_medians(megabytes, plain, archived, stored_bytes)


def _print_row(number: int, megabytes: float, plain: Run, archived: Run, undone: Run) -> None:
    ratios = (f"{archived.seconds / plain.seconds:.2f}", f"{archived.cpu / plain.cpu:.2f}")
    row = (f"{plain.seconds:.1f} s", f"{archived.seconds:.1f} s", *ratios, f"{megabytes / archived.seconds:.1f}", f"{undone.seconds:.1f} s")
    print(f"| {number} | {' | '.join(row)} | {archived.memory_mb:.0f} MB |", flush=True)


def _print_medians(megabytes: float, plain: list[Run], archived: list[Run], stored_bytes: int) -> None:
    rate = megabytes / statistics.median(run.seconds for run in archived)
    # On a machine with other work, the workers' time on the CPU says more than the time by the clock.
    ratio = statistics.median(run.seconds for run in archived) / statistics.median(run.seconds for run in plain)
    cpu_ratio = statistics.median(run.cpu for run in archived) / statistics.median(run.cpu for run in plain)
    memory = max(run.memory_mb for run in archived)
    met = {True: "met", False: "NOT met"}
    print(f"\nMedian {rate:.1f} MB/s with the archive; target {TARGET_MB_A_SECOND}: {met[rate >= TARGET_MB_A_SECOND]}.")
    print(
        f"With the archive {ratio:.2f} times as long; target {TARGET_RATIO}: {met[ratio <= TARGET_RATIO]}. {cpu_ratio:.2f} times the CPU of the workers."
    )
    print(f"The archive has {stored_bytes / 1e6:.1f} MB on disk: {stored_bytes / megabytes / 1e3:.0f} MB for a GB of transcripts.")
    print(f"Memory {memory:.0f} MB; target {TARGET_MEMORY_MB}: {met[memory <= TARGET_MEMORY_MB]}.")


def _bytes_in(folder: Path) -> int:
    """On the disk, in whole blocks."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


def add_job(database_url: str, blob: Path, shares: int) -> UUID:
    job_id = uuid4()
    files = [{"name": "samples.zip", "blob_url": blob.as_uri(), "bytes": blob.stat().st_size, "kind": "zip"}]
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO import_jobs (id, files, user_name, bytes_total) VALUES (%s, %s, 'ann', %s)",
            (job_id, Jsonb(files), blob.stat().st_size),
        )
        connection.execute("INSERT INTO import_shares (job_id, share) SELECT %s, generate_series(0, %s - 1)", (job_id, shares))
    return job_id


def _add_undo(database_url: str, job_id: UUID) -> UUID:
    undo_id = uuid4()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO import_jobs (id, kind, undoes, files, has_files) VALUES (%s, 'undo', %s, '[]', false)", (undo_id, job_id)
        )
        connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", (undo_id,))
    return undo_id


def run_job(database_url: str, redis_url: str, job_id: UUID, shares: int, archive: Path | None) -> Run:
    """Runs a job to the end of all its shares."""
    context = multiprocessing.get_context("spawn")
    memory = context.Queue()
    started = context.Barrier(shares + 1)
    processes = [
        context.Process(target=_work, args=(database_url, redis_url, job_id, share, archive, started, memory)) for share in range(shares)
    ]
    for process in processes:
        process.start()
    started.wait()
    begun = time.perf_counter()
    used = [memory.get() for _ in processes]
    seconds = time.perf_counter() - begun
    for process in processes:
        process.join()
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT status, errors_total, errors FROM import_jobs WHERE id = %s", (job_id,)).fetchone()
    if found is None or found[:2] != ("succeeded", 0):
        raise RuntimeError(f"the job ended as {found}")
    return Run(seconds, sum(cpu for cpu, _ in used), max(peak for _, peak in used))


def _work(
    database_url: str,
    redis_url: str,
    job_id: UUID,
    share: int,
    archive: Path | None,
    started: "multiprocessing.synchronize.Barrier",
    memory: "multiprocessing.Queue[tuple[float, float]]",
) -> None:
    settings = Settings(database_url=database_url, redis_url=redis_url, archive=archive is not None)
    worker = open_resources(settings.model_copy(update={"archive_url": archive.as_uri()} if archive else {}))
    with worker.engine.connect():
        started.wait()
    begun = time.process_time()
    run_shard.run(worker, job_id, share)
    memory.put((time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    worker.close()


if __name__ == "__main__":
    main()
