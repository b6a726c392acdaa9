"""A worker's connection to Postgres that all tests of a process have, one after the other."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from redis import Redis

from services.worker.drain.consumer_fencing import JournalConsumer
from services.worker.maintenance import staged_job
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings

OpenWorker = Callable[..., Resources]


@pytest.fixture(scope="session", autouse=True)
def _short_rests() -> Iterator[None]:
    """A step that waits for Redis looks again soon: dozens of tests wait for it twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staged_job, "POLL_SECONDS", 0.02)
        yield


class KeptWorkers:
    """A worker's connection makes its temporary tables first, which takes as long as what most tests do with them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: list[Resources] = []

    def at(self, place: int) -> Resources:
        """The connections of the first worker of a test, of its second, and so on."""
        while len(self._kept) <= place:
            self._kept.append(open_resources(self._settings))
        return self._kept[place]

    def close(self) -> None:
        """Ends the connections."""
        for kept in self._kept:
            kept.close()


@pytest.fixture(scope="session")
def kept_workers(migrated_database_url: str, redis_server_url: str) -> Iterator[KeptWorkers]:
    workers = KeptWorkers(Settings(database_url=migrated_database_url, redis_url=redis_server_url))
    yield workers
    workers.close()


@pytest.fixture
def open_worker(kept_workers: KeptWorkers, database_url: str, redis_url: str) -> OpenWorker:
    """open_worker(**settings): a worker with a name of its own, on kept connections to the empty database. One that is killed is for open_resources."""
    places = count()

    def opened(**settings: object) -> Resources:
        kept = kept_workers.at(next(places))
        return Resources(kept.settings.model_copy(update=settings), kept.engine, kept.redis, JournalConsumer(kept.consumer.process))

    return opened


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis
