"""A database with the sample transcripts, imported as a worker imports them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from tests.bench.import_archive import make_archive
from tests.bench.imports import add_job, run_job
from tests.bench.own_servers import own_servers

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
    try:
        with own_servers(folder) as (postgres, redis):
            archive = folder / "samples.zip"
            size = make_archive(files, archive, wanted_bytes)
            run = run_job(postgres.url, redis.url, add_job(postgres.url, archive, SHARES), SHARES, None)
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            yield SamplesDatabase(postgres.url, size, run.seconds)
    finally:
        shutil.rmtree(folder)
