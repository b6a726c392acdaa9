"""Shared by the tests of the embedded stack: folders, free ports and a way to wait for what must become true."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.embedded.whole_stack import Stack


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets, gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="embedded-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Asserts that something becomes true within 20 seconds, and returns as soon as it is."""

    def check(condition: Callable[[], bool]) -> None:
        assert wait_until(condition, 60)

    return check


@pytest.fixture
def make_stack(folder: Path) -> Iterator[Callable[..., Stack]]:
    made: list[Stack] = []

    def make(*, flower: bool) -> Stack:
        made.append(Stack(folder, flower))
        return made[-1]

    yield make
    for stack in made:
        if stack.process is not None:
            stack.process.kill()
            stack.process.communicate()
