"""Reading that stands still, apart from reading that gets no processor. The clock and the counts of Linux are the test's own."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.worker.importers.job.lease import StallWatch

Passed = Callable[[float, float], float]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """[seconds that have passed]"""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def schedstat(tmp_path: Path) -> Path:
    """Nanoseconds on a processor, nanoseconds of waiting for one, turns."""
    file = tmp_path / "self/task/1/schedstat"
    file.parent.mkdir(parents=True)
    file.write_text("0 0 0")
    return file


@pytest.fixture
def watch(clock: list[float], schedstat: Path, tmp_path: Path) -> StallWatch:
    return StallWatch(proc=tmp_path)


@pytest.fixture
def after(clock: list[float], schedstat: Path, watch: StallWatch) -> Passed:
    """after(seconds, waited): time passes, some of it without a processor. Gives how long reading stands still then."""
    waited_before = [0.0]

    def after(seconds: float, waited: float) -> float:
        clock[0] += seconds
        waited_before[0] += waited
        schedstat.write_text(f"0 {round(waited_before[0] * 1e9)} 0")
        return round(watch.still_seconds(), 6)

    return after


def test_reading_that_has_a_processor_and_does_not_move_stands_still(watch: StallWatch, after: Passed) -> None:
    watch.moved()

    assert [after(5, 0), after(5, 1), after(5, 0)] == [5, 9, 14]


def test_reading_that_waits_for_a_processor_does_not_stand_still(watch: StallWatch, after: Passed) -> None:
    watch.moved()

    assert [after(60, 59), after(60, 58)] == [1, 3]


def test_waits_of_several_threads_take_no_more_than_the_time(watch: StallWatch, after: Passed) -> None:
    watch.moved()

    assert [after(5, 12), after(5, 0)] == [0, 5]


def test_a_move_begins_anew(watch: StallWatch, after: Passed) -> None:
    watch.moved()
    after(50, 0)

    watch.moved()

    assert after(5, 0) == 5


def test_nothing_stands_still_while_nothing_is_read(watch: StallWatch, after: Passed) -> None:
    [item] = watch.watched(iter(["a chunk"]))

    assert item == "a chunk"
    assert after(3600, 0) == 0
