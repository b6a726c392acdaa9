"""A file that is touched while a worker's or beat's main loop goes round; `python -m services.worker.healthcheck` tells by its age.

Asking the worker itself (`celery inspect ping`) would start a Celery every time and tell of Redis more than of the worker.
"""

from pathlib import Path

from celery.signals import beat_init, before_task_publish, heartbeat_sent


def keep(file: Path) -> None:
    """Touches `file` at each heartbeat of a worker (every 2 s while it has its broker), and each time beat rings (every second)."""

    def touch(**_: object) -> None:
        file.touch()

    def touch_at_rings(**_: object) -> None:
        # Only in beat: a worker's tasks ring too, in processes that go on when its main loop hangs.
        before_task_publish.connect(touch, weak=False)

    heartbeat_sent.connect(touch, weak=False)
    beat_init.connect(touch_at_rings, weak=False)
