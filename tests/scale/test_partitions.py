"""Several partitions and drain workers: their number changes under load, a worker dies, nothing is lost or counted twice."""

import re
from pathlib import Path

from tests.scale.counting import assert_all_stored, load
from tests.scale.pipeline import Pipeline, pipeline

RATE = 300.0


def batches_of(pipe: Pipeline, worker: str) -> int:
    """How many a worker has stored."""
    return len(re.findall(r'"event": ?"drained"|\bdrained\b', pipe.log(worker).read_text()))


def test_the_number_of_partitions_can_change_while_entries_are_pending(database_url: str, redis_url: str, tmp_path: Path) -> None:
    accepted: set[str] = set()
    # Given undrained events, written with one partition, then four, then two
    for partitions in ("1", "4", "2"):
        with pipeline(tmp_path, database_url=database_url, redis_url=redis_url, journal_partitions=partitions) as pipe:
            pipe.start_api()
            accepted |= load(pipe, tmp_path, seconds=2, rate=RATE)

    # When workers of the last number come
    with pipeline(tmp_path, database_url=database_url, redis_url=redis_url, journal_partitions="2") as pipe:
        pipe.start_api()
        pipe.start_worker("one")
        pipe.start_worker("two")
        pipe.start_beat()

        # Then everything is stored, also from partitions that are no longer written to
        found = assert_all_stored(pipe, database_url, accepted)
        assert found["accepted"] >= len(accepted)


def test_other_workers_take_over_when_one_dies(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with pipeline(tmp_path, database_url=database_url, redis_url=redis_url, journal_partitions="4") as pipe:
        pipe.start_api()
        pipe.start_beat()
        for name in ("one", "two"):
            pipe.start_worker(name)

        # When one is killed in the middle of the load
        accepted = load(pipe, tmp_path, seconds=6, rate=RATE, meanwhile=lambda: pipe.kill("one"))

        # Then all is stored, and both have had a part in it
        assert_all_stored(pipe, database_url, accepted)
        assert batches_of(pipe, "one") > 0
        assert batches_of(pipe, "two") > 0
