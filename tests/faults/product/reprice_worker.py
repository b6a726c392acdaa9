"""One worker that prices anew in a process of its own, to be killed: `python -m tests.faults.product.reprice_worker <reprice id>`."""

import os
import subprocess
import sys
from uuid import UUID

from services.worker.maintenance import reprice
from services.worker.resources import open_resources
from services.worker.settings import Settings


def start(settings: dict[str, str], reprice_id: UUID) -> "subprocess.Popen[bytes]":
    """Goes on with the run to its end."""
    env = os.environ | {f"TRACKER_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.product.reprice_worker", str(reprice_id)], env=env, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    while reprice.run(open_resources(Settings()), UUID(sys.argv[1])):
        pass
