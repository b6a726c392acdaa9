"""The subset of `make faults`: every fault of the catalogue under load, and nothing is lost, doubled or miscounted."""

from pathlib import Path

from tests.faults.__main__ import run
from tests.faults.catalogue import FAULTS
from tests.faults.plan import Plan


def test_every_fault_under_load(tmp_path: Path) -> None:
    assert run(Plan(seed=1, faults=list(FAULTS), rate=700), tmp_path) == []
