"""A worker that gives way gets a tenth of what it asks for. Stand-ins for Linux' files of processes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from services.worker.least_share import LeastShare

PID = 7


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The process of a worker that gives way."""
    (tmp_path / f"{PID}/task/{PID}").mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "self/autogroup").write_text("10")
    monkeypatch.setattr(os, "getpriority", lambda *_: 10)
    return tmp_path


@pytest.fixture
def pass_time(proc: Path) -> Callable[[float, float], str]:
    """pass_time(ran, waited): that many seconds more, then a look. Gives the niceness of the worker's session."""
    share, counted = LeastShare(proc), [0.0, 0.0]

    def pass_time(ran: float, waited: float) -> str:
        counted[0] += ran
        counted[1] += waited
        (proc / f"{PID}/task/{PID}/schedstat").write_text(f"{round(counted[0] * 1e9)} {round(counted[1] * 1e9)} 1")
        share.look([PID])
        return (proc / "self/autogroup").read_text()

    return pass_time


def test_a_worker_that_gets_a_hundredth_stops_giving_way(pass_time: Callable[[float, float], str]) -> None:
    assert pass_time(0.3, 29.7) == "0"


def test_a_worker_that_gets_a_fifth_goes_on_giving_way(pass_time: Callable[[float, float], str]) -> None:
    assert pass_time(6, 24) == "10"


def test_a_worker_gives_way_again_when_the_machine_has_time(pass_time: Callable[[float, float], str]) -> None:
    pass_time(0.3, 29.7)

    assert pass_time(6, 24) == "0"
    assert pass_time(29, 1) == "10"


def test_a_worker_without_work_changes_nothing(pass_time: Callable[[float, float], str]) -> None:
    assert pass_time(0.01, 0.9) == "10"


def test_a_worker_that_never_gave_way_changes_nothing(pass_time: Callable[[float, float], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpriority", lambda *_: 0)

    assert pass_time(0.3, 29.7) == "10"


def test_processes_that_have_ended_are_left_out(proc: Path) -> None:
    LeastShare(proc).look([PID + 1])

    assert (proc / "self/autogroup").read_text() == "10"
