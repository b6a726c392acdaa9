"""Celery's pool of processes, without an error of Celery 5.7.0 with kombu 5.7.0."""

from typing import Any

from celery.concurrency import prefork
from celery.concurrency.asynpool import AsynPool


class _Pool(AsynPool):
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
