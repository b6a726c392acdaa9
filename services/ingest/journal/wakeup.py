"""Step 4: wakes a worker. A bell is a Celery task without content; losing one is harmless, a sweep rings every second."""

from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from shared import metrics
from shared.broker import TASK_DRAIN

log = structlog.get_logger()

# A bell that waited this long has been overtaken by the sweep.
_EXPIRES_SECONDS = 60


class Doorbell:
    """Sends from a thread of its own: rings during a send become bells after it, as many as partitions at most."""

    def __init__(self, sender: Celery, partitions: int = 1) -> None:
        self._partitions = partitions
        self._sender = sender
        self._wanted = Event()
        self._bells = 0
        self._stopping = False
        self._thread = Thread(target=self._run, name="doorbell", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def ring(self, bells: int = 1) -> None:
        """Asks for so many workers, one for each partition that had none on its way; never blocks."""
        self._bells = min(self._bells + bells, self._partitions)
        self._wanted.set()

    def stop(self, timeout_seconds: float = 2.0) -> None:
        """Lets a bell that was asked for go, and ends the thread."""
        self._stopping = True
        self._wanted.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            # Before sending: whoever rings meanwhile gets a bell of his own.
            self._wanted.clear()
            bells, self._bells = self._bells, 0
            for _ in range(bells):
                self._send()
            if self._stopping:
                return

    def _send(self) -> None:
        try:
            self._sender.send_task(TASK_DRAIN, retry=False, ignore_result=True, expires=_EXPIRES_SECONDS)
            metrics.BELLS_RUNG.labels("sent").inc()
        except (OperationalError, OSError) as error:
            metrics.BELLS_RUNG.labels("failed").inc()
            log.warning("bell_failed", reason=type(error).__name__)


def ring_for(sender: Celery, task: str, *calls: tuple[Any, ...]) -> None:
    """Sends a task once for each of `calls`, its arguments; what is not sent, the worker's sweep finds.

    May block for the transport's time-outs: call it from a thread.
    """
    try:
        for arguments in calls:
            sender.send_task(task, arguments, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        log.warning("task_not_sent", task=task, reason=type(error).__name__, subject=calls[0][0])
