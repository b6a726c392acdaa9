"""Merges of users and of projects: stored rows move part by part, until none is left. Such work has no row of its own.

When it was asked for, or got on last, is noted with the user or project that is merged, and so is why it failed. Beat has it tried again an hour later.
"""

import time
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from services.worker.job_failure import failure_of
from services.worker.resources import Resources
from services.worker.retry_later import UNAVAILABLE_ERRORS

Step = Callable[[Connection[Any], int], bool]


def run(worker: Resources, step: Step, note: str, of: int, run_seconds: float) -> bool:
    """Continues for a while. True if there is more to do; False if it has ended, or if another worker is at it.

    `step` moves the next part in the caller's transaction; it gives false if nothing is left, or if another worker is at it.
    `note` is SQL that writes `failure` beside the time of now, for one that is not done.
    """
    until = time.monotonic() + run_seconds
    try:
        while True:
            with worker.transaction() as connection:
                if not step(connection, of):
                    return False
            if time.monotonic() > until:
                _note(worker, note, of, None)
                return True
    except UNAVAILABLE_ERRORS:
        raise
    except Exception as error:
        _note(worker, note, of, failure_of(error))
        raise


def _note(worker: Resources, note: str, of: int, failure: str | None) -> None:
    """In a transaction that locks nothing else."""
    with worker.transaction() as connection:
        connection.execute(note.encode(), {"id": of, "failure": failure})
