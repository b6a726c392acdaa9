"""One import worker in a process of its own, to be killed and measured: `python -m tests.faults.product.import_worker <job id>`."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from services.worker.importers.job import run_shard
from services.worker.resources import open_resources
from services.worker.settings import Settings


def start(settings: dict[str, str], job_id: UUID) -> "subprocess.Popen[bytes]":
    """Begins to work on the job's only share."""
    env = os.environ | {f"TRACKER_{name.upper()}": value for name, value in settings.items()}
    return subprocess.Popen([sys.executable, "-m", "tests.faults.product.import_worker", str(job_id)], env=env, stdout=subprocess.DEVNULL)


def peak_memory_bytes(process: "subprocess.Popen[bytes]") -> int:
    """The most it has had in memory so far; 0 of one that has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return max((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), default=0)


if __name__ == "__main__":
    run_shard.run(open_resources(Settings()), UUID(sys.argv[1]), 0)
