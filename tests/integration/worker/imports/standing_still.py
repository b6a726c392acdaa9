"""Programs of test_stalled_imports.py: a worker's process whose reading stands still. Nothing but the process itself can end it."""

import re
import sys
from collections.abc import Iterator
from uuid import UUID

from services.worker.importers.job import shards
from services.worker.importers.job.lease import StallWatch, renewed
from services.worker.resources import open_resources
from services.worker.settings import Settings


def in_python() -> Iterator[int]:
    """Other threads can run."""
    while True:
        pass
    yield 0


def in_c() -> None:
    """No other thread can run: the time that this takes doubles with every letter."""
    re.match(r"(a|a)+$", "a" * 60 + "b")


def work_on(database_url: str, job_id: str, stall_seconds: float) -> None:
    worker = open_resources(Settings(database_url=database_url))
    with worker.transaction() as connection:
        shard = shards.take(connection, UUID(job_id), 0)
    assert shard is not None
    watch = StallWatch(stall_seconds=stall_seconds)
    with renewed(database_url, shard, watch, renew_seconds=0.2):
        next(watch.watched(in_python()))


if __name__ == "__main__":
    if sys.argv[1] == "freeze":
        with StallWatch(frozen_cpu_seconds=2).guarded():
            in_c()
    else:
        work_on(sys.argv[1], sys.argv[2], float(sys.argv[3]))
