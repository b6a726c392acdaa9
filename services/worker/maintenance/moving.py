"""Merges of users and of projects: stored rows move part by part, until none is left. Such work has no row of its own.

When it was asked for, or got on last, is noted with the user or project that is merged, and so is why it failed. Beat has it tried again an hour later.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import Connection

from services.worker.job_failure import failure_of
from services.worker.resources import Resources
from services.worker.retry_later import UNAVAILABLE_ERRORS

# A task runs for less than its time limit, then sends the next one.
RUN_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Moving:
    """`step` moves the next part in the caller's transaction; it gives false if nothing is left, or if another worker is at it.

    `note` is SQL that writes `failure` beside the time of now, for one that is not done.
    """

    step: Callable[[Resources, Connection[Any], int], bool]
    note: LiteralString


def run(worker: Resources, moving: Moving, of: int, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues for a while. True if there is more to do; False if it has ended, or if another worker is at it."""
    until = time.monotonic() + run_seconds
    try:
        while True:
            with worker.transaction() as connection:
                if not moving.step(worker, connection, of):
                    return False
            if time.monotonic() > until:
                _note(worker, moving, of, None)
                return True
    except UNAVAILABLE_ERRORS:
        raise
    except Exception as error:
        _note(worker, moving, of, failure_of(error))
        raise


def _note(worker: Resources, moving: Moving, of: int, failure: str | None) -> None:
    """In a transaction that locks nothing else."""
    with worker.transaction() as connection:
        connection.execute(moving.note, {"id": of, "failure": failure})
