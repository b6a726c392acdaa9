"""A host of searches with its index, as the benchmarks and the judges of search ask it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis import Redis

from services.query.database import Database
from services.query.search_index.host import search_index
from services.query.search_index.reader import SearchIndex
from services.query.settings import Settings

# Long enough for the large data set, on a machine that does much else.
_SETTLED_SECONDS: Final = 3_600
_LOOK_SECONDS: Final = 0.05


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
