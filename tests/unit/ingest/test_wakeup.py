"""Wake-ups never block, pile up, or get lost while one is being sent."""

import asyncio
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

from celery import Celery
from kombu.exceptions import OperationalError

from services.ingest.dependencies import Ingest
from services.ingest.journal.wakeup import WakeupSender, send_tasks
from shared.broker import Task


class SlowSender:
    """Stands for Celery's network: each send waits until the test lets it go."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.begun = Event()
        self.go_on = Event()

    def send_task(self, name: str, **_: Any) -> None:
        self.sent.append(name)
        self.begun.set()
        self.go_on.wait(60)


def test_wakeups_requested_during_a_send_become_one_more_wakeup() -> None:
    sender = SlowSender()
    wakeups = WakeupSender(cast(Celery, sender))
    wakeups.start()
    wakeups.wake_workers()
    assert sender.begun.wait(60)  # given: one wake-up is being sent
    sender.begun.clear()
    for _ in range(1000):
        wakeups.wake_workers()
    sender.go_on.set()
    assert sender.begun.wait(60)  # then: exactly one more follows
    wakeups.stop()
    assert sender.sent == [Task.DRAIN, Task.DRAIN]


class AwaySender:
    """Stands for Celery while its broker is away."""

    def send_task(self, *_: Any, **__: Any) -> None:
        raise OperationalError("away")


def test_a_task_that_cannot_be_sent_fails_no_request() -> None:
    ingest = cast(Ingest, SimpleNamespace(sender=AwaySender()))
    asyncio.run(send_tasks(ingest, Task.JOIN_PROJECTS, ()))  # without arguments too
