"""One worker at a job in a process of its own, to be killed and measured: `python -m tests.faults.product.job_worker <kind> <job id>`."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from services.worker.importers.job import run_shard
from services.worker.maintenance.jobs import run_job
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.jobs import KINDS

IMPORT = "import"
# Short, so that a job is taken up again and again.
RUN_SECONDS = 0.3


def start(settings: dict[str, str], kind: str, job_id: UUID) -> "subprocess.Popen[bytes]":
    """Goes on with the job to its end; of an import, with its only share."""
    env = os.environ | {f"TRACKER_{name.upper()}": value for name, value in settings.items()}
    arguments = [sys.executable, "-m", "tests.faults.product.job_worker", kind, str(job_id)]
    return subprocess.Popen(arguments, env=env, stdout=subprocess.DEVNULL)


def peak_memory_bytes(process: "subprocess.Popen[bytes]") -> int:
    """The most it has had in memory so far; 0 of one that has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return max((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), default=0)


if __name__ == "__main__":
    worker, kind, job_id = open_resources(Settings()), sys.argv[1], UUID(sys.argv[2])
    if kind == IMPORT:
        run_shard.run(worker, job_id, 0)
    else:
        while run_job(worker, KINDS[kind], job_id, RUN_SECONDS):
            pass
