"""One worker with an erasure in a process of its own, to be killed: `python -m tests.faults.product.erase_worker <erasure id>`."""

import os
import subprocess
import sys
from uuid import UUID

from services.worker.maintenance.jobs import run_job
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.jobs import ERASURE


def start(settings: dict[str, str], erasure_id: UUID) -> "subprocess.Popen[bytes]":
    """Goes on with the erasure to the end."""
    env = os.environ | {f"TRACKER_{name.upper()}": value for name, value in settings.items()}
    arguments = [sys.executable, "-m", "tests.faults.product.erase_worker", str(erasure_id)]
    return subprocess.Popen(arguments, env=env, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    worker = open_resources(Settings())
    while run_job(worker, ERASURE, UUID(sys.argv[1]), run_seconds=0.3):
        pass
