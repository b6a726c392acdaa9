"""`python -m tests.bench.search_host`: what a query host's search index takes: time, CPU, memory and bytes for the transcripts that were imported.

The sample transcripts (TRACKER_SAMPLES) are copied with fresh ids until they are as large as asked, and imported. Then a query host makes its index.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from redis import Redis

from services.query.database import Database
from services.query.search_index.host import search_index
from services.query.search_index.reader import SearchIndex
from services.query.settings import Settings
from tests.bench.import_archive import samples
from tests.bench.process_tree import cpu_seconds, pss_bytes
from tests.bench.report import machine
from tests.bench.samples_database import samples_database
from tests.bench.whole_stack import bytes_in

# Of the large data set, on a machine that does much else.
_SETTLED_SECONDS: Final = 3_600
_LOOK_SECONDS: Final = 0.05
_CPU_OF: Final = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tracker-search'"


@dataclass(frozen=True, slots=True)
class SearchService:
    """As a request finds it."""

    database: Database
    index: SearchIndex


@contextmanager
def search_host(database_url: str, folder: Path, redis_url: str = "redis://127.0.0.1:1/0") -> Iterator[SearchService]:
    """A host of searches in this process, its writer in another. Without Redis nobody hears of it."""
    settings = Settings(database_url=database_url, redis_url=redis_url, search_folder=folder)
    database = Database(settings)
    try:
        with Redis.from_url(redis_url) as redis, search_index(settings, database, redis) as index:
            yield SearchService(database, index)
    finally:
        database.close()


def settle(index: SearchIndex) -> None:
    """Returns when all that was committed before is in the index. TimeoutError if that does not come."""
    until = time.monotonic() + _SETTLED_SECONDS
    while True:
        index.look()
        if index.is_settled():
            return
        if time.monotonic() > until:
            raise TimeoutError("the search index does not catch up")
        time.sleep(_LOOK_SECONDS)


class _Writer:
    """Looks at the writer's process, and at what Postgres does for it, while they run."""

    def __init__(self, database_url: str) -> None:
        self.cpu, self.cpu_of_postgres, self.peak_bytes = 0.0, 0.0, 0
        self._database_url, self._over = database_url, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.index: SearchIndex | None = None

    def __enter__(self) -> "_Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            is_last = False
            while not is_last:
                is_last = self._over.wait(_LOOK_SECONDS)
                pid = self.index.writer.pid if self.index is not None and self.index.writer is not None else None
                if pid is not None:
                    self.cpu = max(self.cpu, cpu_seconds(pid))
                    self.peak_bytes = max(self.peak_bytes, pss_bytes(pid))
                backends = [row[0] for row in connection.execute(_CPU_OF)]
                self.cpu_of_postgres = max(self.cpu_of_postgres, sum(map(cpu_seconds, backends)))


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.search_host")
    parser.add_argument("--megabytes", type=int, default=0, help="of transcripts; 0: the samples, each once")
    options = parser.parse_args()
    files = samples()
    with samples_database(None, files, options.megabytes * 1_000_000) as data, tempfile.TemporaryDirectory() as name:
        with _Writer(data.url) as writer:
            begun = time.monotonic()
            with search_host(data.url, Path(name)) as service:
                writer.index = service.index
                settle(service.index)
                seconds = time.monotonic() - begun
                time.sleep(2 * _LOOK_SECONDS)
                size = bytes_in(Path(name))
        with psycopg.connect(data.url) as connection:
            [(database,)] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    megabytes = data.bytes / 1e6
    print(f"{megabytes:,.0f} MB of transcripts. {machine()}\n")
    print(f"import: {data.import_seconds:.1f} s")
    print(f"index: {seconds:.1f} s; CPU of the writer {writer.cpu:.1f} s, of Postgres for it {writer.cpu_of_postgres:.1f} s")
    print(f"  {1000 * (writer.cpu + writer.cpu_of_postgres) / megabytes:.1f} ms of CPU a MB; {writer.peak_bytes / 1e6:.0f} MB of memory")
    print(f"bytes: index {size / 1e6:.1f} MB, database {database / 1e6:.1f} MB; {(size + database) / 1e6 / megabytes:.3f} MB a MB")


if __name__ == "__main__":
    main()
