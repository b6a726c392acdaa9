"""Workers that stand still while a journal is filled."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.scale.pipeline import Pipeline


def held(pipeline: Pipeline, names: Iterable[str]) -> None:
    """Stops the workers and their pools where they are."""
    _tell(pipeline, names, signal.SIGSTOP)


def let_go(pipeline: Pipeline, names: Iterable[str]) -> None:
    """Lets them go on."""
    _tell(pipeline, names, signal.SIGCONT)


def _tell(pipeline: Pipeline, names: Iterable[str], number: signal.Signals) -> None:
    for name in names:
        for pid in _family(pipeline.running[name].pid):
            os.kill(pid, number)


def _family(pid: int) -> Iterator[int]:
    """A process and its children."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
