"""One worker that prices anew in a process of its own, to be killed: `python -m tests.faults.product.reprice_worker <reprice id>`."""

import os
import subprocess
import sys
from uuid import UUID

from services.worker.maintenance.jobs import run_job
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.jobs import REPRICE


def start(settings: dict[str, str], reprice_id: UUID) -> "subprocess.Popen[bytes]":
    """Goes on with the run to its end."""
    env = os.environ | {f"TRACKER_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.product.reprice_worker", str(reprice_id)], env=env, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    while run_job(open_resources(Settings()), REPRICE, UUID(sys.argv[1])):
        pass
