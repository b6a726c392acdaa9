"""The work of each kind of job (shared/jobs.py)."""

from typing import Any, Final
from uuid import UUID

from services.worker.maintenance import reprice
from services.worker.maintenance.erase import erase
from services.worker.maintenance.retention import run_retention
from services.worker.maintenance.scrub import scrub
from services.worker.maintenance.staged_job import RUN_SECONDS, StagedJob, run
from services.worker.resources import Resources
from shared.jobs import JobKind

JOBS: Final[dict[JobKind, StagedJob[Any]]] = {job.kind: job for job in (scrub.JOB, erase.JOB, run_retention.JOB, reprice.JOB)}


def run_job(worker: Resources, kind: JobKind, job_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a job for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    return run(worker, JOBS[kind], job_id, run_seconds)
