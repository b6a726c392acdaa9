"""A file that is touched while a worker's or beat's main loop runs; `python -m services.worker.healthcheck` judges its age.

Asking the worker itself (`celery inspect ping`) would start a Celery every time, and would test Redis more than the worker.
"""

from pathlib import Path

from celery.signals import heartbeat_sent


def keep(file: Path) -> None:
    """Touches `file` at each heartbeat of a worker: every 2 s while it has its broker. Beat touches it at its looks (services/worker/sweep/scheduler.py)."""

    def touch(**_: object) -> None:
        file.touch()

    heartbeat_sent.connect(touch, weak=False)
