"""The quick version of `make faults`: everything is killed twice under load, and nothing is lost, doubled or miscounted."""

from pathlib import Path

from tests.faults.__main__ import run
from tests.faults.campaign import Plan
from tests.faults.kills import FAULTS


def test_every_process_killed_twice_under_load(tmp_path: Path) -> None:
    assert run(Plan(seed=1, faults=list(FAULTS), kills_each=2, rate=500, pause_seconds=0.5), tmp_path) == []
