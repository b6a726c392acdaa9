"""The work of each kind of job (shared/jobs.py)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.worker.importers.job import run_shard
from services.worker.maintenance import merge_users, rekey_projects, reprice
from services.worker.maintenance.erase import erase
from services.worker.maintenance.retention import run_retention
from services.worker.maintenance.scrub import scrub
from services.worker.maintenance.staged_job import RUN_SECONDS, StagedJob, run
from services.worker.resources import Resources
from shared.jobs import MERGE_OF_PROJECTS, MERGE_OF_USERS, JobKind

JOBS: Final[dict[JobKind, StagedJob[Any]]] = {job.kind: job for job in (scrub.JOB, erase.JOB, run_retention.JOB, reprice.JOB)}


def run_job(worker: Resources, kind: JobKind, job_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a job for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    return run(worker, JOBS[kind], job_id, run_seconds)


@dataclass(frozen=True, slots=True)
class Work:
    """What the task of a kind does. `go_on` is given what the task is called with; true if there is more to do, for which the task is sent again."""

    go_on: Callable[..., bool]
    limit_seconds: int
    # At its end, so that a worker whose processes are all busy takes no shard that another worker could start.
    is_acknowledged_late: bool = False


def work_of(kind: JobKind) -> Work:
    """Of a kind that is known."""
    if kind in JOBS:
        # Each task is short, but a step may write the files of a table anew.
        return Work(lambda worker, job_id: run_job(worker, kind, UUID(job_id)), JOBS[kind].long_lease_seconds)
    if kind in run_shard.WORK:
        # Far longer than any import takes: the limit only ends one that hangs.
        return Work(_run_shard, 24 * 3600, is_acknowledged_late=True)
    return Work(_MERGES[kind], 45)


def _run_shard(worker: Resources, job_id: str, share: int = 0) -> bool:
    run_shard.run(worker, UUID(job_id), share)
    return False


_MERGES: Final = {MERGE_OF_USERS: merge_users.run, MERGE_OF_PROJECTS: rekey_projects.run}
