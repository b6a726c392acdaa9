"""Celery's pool of processes, without two errors of Celery 5.7.0 with kombu 5.7.0."""

from collections.abc import Callable
from typing import Any

from billiard.compat import isblocking
from celery.concurrency import prefork
from celery.concurrency.asynpool import AsynPool, ResultHandler


class _Results(ResultHandler):
    def _make_process_result(self, hub: Any) -> Callable[[int], None]:
        """Reads no result from a descriptor that is another pipe's by now.

        A process that is killed while the broker comes back leaves its descriptor to the next pipe that is opened. One that only the new process
        reads from blocks, and so would the worker's event loop, for ever.
        """
        read: Callable[[int], None] = super()._make_process_result(hub)  # type: ignore[misc]

        def read_unless_it_blocks(fileno: int) -> None:
            try:
                is_of_results = not isblocking(fileno)
            except OSError:
                is_of_results = False
            if is_of_results:
                read(fileno)
            else:
                hub.remove_reader(fileno)

        return read_unless_it_blocks


class _Pool(AsynPool):
    ResultHandler = _Results

    def _track_child_process(self, proc: Any, hub: Any) -> None:
        """Not for a process that has ended and was not collected yet.

        Celery calls this for each process when the broker is back. It has no descriptor of one that ended, and kombu ends the worker by
        `ValueError: file descriptor is None`, which Celery expects as an AttributeError.
        """
        if getattr(proc, "_sentinel_poll", True) is not None:
            super()._track_child_process(proc, hub)  # type: ignore[misc]


class TaskPool(prefork.TaskPool):
    """Named in WORKER_SETTINGS."""

    Pool = _Pool
