"""Wakes a worker. A wake-up is a Celery task without content. Losing one is harmless: the worker's sweep looks every second."""

import asyncio
from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from services.ingest.dependencies import Ingest
from shared import metrics
from shared.broker import Task
from shared.jobs import JobTask

log = structlog.get_logger()

# After this long the sweep has found the entries that the wake-up was sent for.
_EXPIRES_SECONDS = 60


class WakeupSender:
    """Sends wake-ups from a thread of its own. Wake-ups that are due while it sends go out afterwards, at most one for each partition."""

    def __init__(self, sender: Celery, partitions: int = 1) -> None:
        self._partitions = partitions
        self._sender = sender
        self._wanted = Event()
        self._due = 0
        self._stopping = False
        self._thread = Thread(target=self._run, name="wakeups", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def wake_workers(self, count: int = 1) -> None:
        """Wakes so many workers, one for each partition that has none on its way. Never blocks."""
        self._due = min(self._due + count, self._partitions)
        self._wanted.set()

    def stop(self, timeout_seconds: float = 2.0) -> None:
        """Sends the wake-ups that are due, and ends the thread."""
        self._stopping = True
        self._wanted.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            # Before sending: a wake-up that becomes due meanwhile is sent in the next round.
            self._wanted.clear()
            due, self._due = self._due, 0
            for _ in range(due):
                self._send()
            if self._stopping:
                return

    def _send(self) -> None:
        try:
            self._sender.send_task(Task.DRAIN, retry=False, ignore_result=True, expires=_EXPIRES_SECONDS)
            metrics.WAKEUPS_SENT.labels("sent").inc()
        except (OperationalError, OSError) as error:
            metrics.WAKEUPS_SENT.labels("failed").inc()
            log.warning("wakeup_failed", reason=type(error).__name__)


async def send_tasks(ingest: Ingest, task: Task | JobTask, *calls: tuple[Any, ...]) -> None:
    """Sends a task once for each of `calls`, its arguments. The worker's sweep, or beat, finds the work of a task that could not be sent."""
    await asyncio.to_thread(_send_tasks, ingest.sender, task, calls)


def _send_tasks(sender: Celery, task: Task | JobTask, calls: tuple[tuple[Any, ...], ...]) -> None:
    """May block for the transport's time-outs."""
    try:
        for arguments in calls:
            sender.send_task(task, arguments, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        log.warning("task_not_sent", task=task, reason=type(error).__name__, subject=calls[0])
