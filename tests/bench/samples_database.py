"""A database with the sample transcripts, imported as a worker imports them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.bench.import_archive import make_archive
from tests.bench.imports import add_job, run_job
from tests.bench.own_servers import own_servers

SHARES = 2


@contextmanager
def samples_database(url: str | None, files: list[Path]) -> Iterator[str]:
    """The URL of one: this one, which has the samples already; or a new one with the settings of the embedded stack, which is gone afterwards."""
    if url is not None:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="tracker-bench-"))
    folder.chmod(0o755)
    try:
        with own_servers(folder) as (postgres, redis):
            archive = folder / "samples.zip"
            make_archive(files, archive, 0)
            run_job(postgres.url, redis.url, add_job(postgres.url, archive, SHARES), SHARES, None)
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            yield postgres.url
    finally:
        shutil.rmtree(folder)
