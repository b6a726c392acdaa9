"""The databases to be read from, kept between runs in TRACKER_BENCH_DIR: made once for a seed, a volume and a schema."""

import os
import shutil
import sys
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import psycopg

from deploy.embedded.servers.postgres import PostgresServer
from deploy.migrations.migrate import migrate
from services.worker.maintenance.verify import verify
from tests.bench.load import IDLE_GAP, load
from tests.bench.plan import Volume, make_plan

# While it is filled, a server may forget all on a crash: then the folder is made again.
FILLING = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0", "autovacuum": "off",
    "max_wal_size": "16GB", "shared_buffers": "2GB", "work_mem": "512MB", "maintenance_work_mem": "2GB", "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0", "max_parallel_maintenance_workers": "1",
}  # fmt: skip
SCHEMA = Path(__file__).parents[2] / "deploy/migrations"
# To be raised with every change of what is generated.
GENERATION = 3
# Beside a data set: the search index of it.
SEARCH_FOLDER = "search"
# Messages. A larger set is made by the same statements, and takes minutes to verify.
VERIFIED_UP_TO = 100_000


def bench_dir() -> Path:
    """Where data sets are kept. Git overlooks it."""
    folder = Path(os.environ.get("TRACKER_BENCH_DIR", ".tracker-bench")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    return folder


def prepared(seed: int, volume: Volume) -> PostgresServer:
    """A started server, with the settings of the embedded stack, on the data set; made first if it is not there yet."""
    folder = bench_dir() / f"reads-{_key(seed, volume)}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _make(folder, seed, volume)
    server = _server(folder)
    server.start()
    return server


def _server(folder: Path, settings: dict[str, str] | None = None) -> PostgresServer:
    return PostgresServer(folder / "postgres", folder / "run", folder / "postgres.log", settings)


def _key(seed: int, volume: Volume) -> str:
    return f"{volume.messages}-{volume.tool_calls}-{seed}-{GENERATION}-{_schema()}"


def _schema() -> str:
    digest = sha256()
    for migration in sorted([*SCHEMA.rglob("*.sql"), *SCHEMA.glob("versions/*.py")]):
        digest.update(migration.read_bytes())
    return digest.hexdigest()[:12]


def _make(folder: Path, seed: int, volume: Volume) -> None:
    say(f"making {volume.messages:,} messages, {volume.tool_calls:,} tool calls, {volume.activities:,} activities …")
    started = time.monotonic()
    server = _server(folder, FILLING)
    server.start()
    try:
        migrate(server.url)
        load(server.url, make_plan(seed, volume))
        if volume.messages <= VERIFIED_UP_TO:
            with closing(psycopg.connect(server.url, autocommit=True)) as connection:
                differences = verify(connection, IDLE_GAP)
            if any(differences.values()):
                raise RuntimeError(f"the aggregates are not what the rows say: {differences}")
        (folder / "complete").touch()
        say(f"made in {time.monotonic() - started:.0f} s")
    finally:
        server.stop()


def say(progress: str) -> None:
    """To stderr: stdout is for the table."""
    print(progress, file=sys.stderr, flush=True)
