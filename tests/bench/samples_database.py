"""A database with the sample transcripts, imported as a worker imports them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from deploy.embedded.servers.postgres import PostgresServer
from deploy.migrations.migrate import migrate
from tests.bench.import_archive import make_archive
from tests.bench.imports import add_job, run_job

SHARES = 2


class SamplesDatabase(NamedTuple):
    """Its URL; of the transcripts, how many bytes they have and how long their import took."""

    url: str
    bytes: int = 0
    import_seconds: float = 0.0


@contextmanager
def samples_database(url: str | None, files: list[Path], wanted_bytes: int = 0) -> Iterator[SamplesDatabase]:
    """The one of this URL, which has the samples already; or a new one with the settings of the embedded stack, which is gone afterwards."""
    if url is not None:
        yield SamplesDatabase(url)
        return
    folder = Path(tempfile.mkdtemp(prefix="tracker-bench-"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "postgres", folder / "run", folder / "postgres.log")
    try:
        server.start()
        migrate(server.url)
        archive = folder / "samples.zip"
        size = make_archive(files, archive, wanted_bytes)
        run = run_job(server.url, add_job(server.url, archive, SHARES), SHARES, None)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield SamplesDatabase(server.url, size, run.seconds)
    finally:
        server.stop()
        shutil.rmtree(folder)
