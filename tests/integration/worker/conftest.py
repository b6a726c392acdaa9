"""A worker's resources in the test's own process: what a pool process holds, without Celery around it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from deploy.migrations.grants import QUERY
from services.worker.drain.stream_reader import make_group
from services.worker.resources import Resources
from services.worker.sweep.scheduler import Looks
from shared.journal.streams import stream_key
from tests.conftest import as_role
from tests.integration.conftest import OpenWorker
from tests.integration.worker.accounting.accounting_world import PARTITIONS, STREAMS, World


@pytest.fixture
def worker(open_worker: OpenWorker) -> Resources:
    resources = open_worker(claim_idle_ms=100)
    make_group(resources.redis, stream_key(0))
    return resources


@pytest.fixture
def looks(worker: Resources) -> Iterator[Looks]:
    """Beat's looks, in the role that it has."""
    with closing(Looks(worker.settings.model_copy(update={"database_url": as_role(worker.settings.database_url, QUERY)}))) as looks:
        yield looks


@pytest.fixture
def world(open_worker: OpenWorker) -> World:
    me, other = (open_worker(journal_partitions=PARTITIONS, claim_idle_ms=5_000) for _ in range(2))
    for stream in STREAMS:
        make_group(me.redis, stream)
    return World(me, other, me.redis)
