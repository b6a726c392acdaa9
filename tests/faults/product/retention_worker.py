"""One worker at a run of retention in a process of its own, to be killed: `python -m tests.faults.product.retention_worker <run id>`."""

import os
import subprocess
import sys
from uuid import UUID

from services.worker.maintenance.jobs import run_job
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.jobs import RETENTION


def start(settings: dict[str, str], run_id: UUID) -> "subprocess.Popen[bytes]":
    """Goes on with the run to its end."""
    env = os.environ | {f"TRACKER_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.product.retention_worker", str(run_id)], env=env, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    while run_job(open_resources(Settings()), RETENTION, UUID(sys.argv[1])):
        pass
