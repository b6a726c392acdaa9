"""All Celery tasks. A task carries no data but ids; its work is in the module that it calls.

Beat sends each when its look finds work, ingest and the drain as soon as they have made some, and a task itself until nothing is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from kombu.exceptions import OperationalError

from services.worker.app import app
from services.worker.archive import compaction
from services.worker.capture.read_captured import read_captured
from services.worker.drain import accounting, canary, drain_partition
from services.worker.importers.formats.known_formats import is_known
from services.worker.importers.job import run_shard
from services.worker.importers.job.end_cancelled import end_cancelled
from services.worker.kept_out import know_kept_out
from services.worker.maintenance import idle_sessions, join_projects, merge_users, purge_search_hosts, rekey_projects, upload_gc
from services.worker.maintenance.jobs import JOBS, run_job
from services.worker.maintenance.retention import run_retention
from services.worker.persist.unread_formats import forget_known
from services.worker.resources import Resources, resources
from services.worker.retry_later import retry_later_if_unavailable
from shared.broker import Task
from shared.jobs import KINDS, MERGE_OF_PROJECTS, MERGE_OF_USERS, RETENTION, JobKind, JobTask

log = structlog.get_logger()

WAKEUP_EXPIRES_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a task. `go_on` is given what the task is called with; true if there is more to do, for which the task is sent again."""

    go_on: Callable[..., bool]
    # Then an exception ends it, and some seconds later its process is killed.
    limit_seconds: int = 45
    # At its end, so that a worker whose processes are all busy takes no shard that another worker could start.
    is_acknowledged_late: bool = False


def add_task(task: Task | JobTask, work: Work) -> None:
    """Makes the task."""
    limit = work.limit_seconds

    @app.task(name=task, acks_late=work.is_acknowledged_late, soft_time_limit=limit, time_limit=limit + 15)
    def run(*of: str | int) -> None:
        with retry_later_if_unavailable(task):
            if work.go_on(resources(), *of):
                app.send_task(task, of)


def work_of(kind: JobKind) -> Work:
    """The work of a kind that is known."""
    if kind in JOBS:
        # Each task is short, but a step may write the files of a table anew.
        return Work(lambda worker, job_id: run_job(worker, kind, UUID(job_id)), JOBS[kind].long_lease_seconds)
    if kind in run_shard.WORK:
        # Far longer than any import takes: the limit only ends one that hangs.
        return Work(_run_shard, 24 * 3600, is_acknowledged_late=True)
    return Work(_MERGES[kind])


def _run_shard(worker: Resources, job_id: str, share: int = 0) -> bool:
    run_shard.run(worker, UUID(job_id), share)
    return False


def _once(work: Callable[[Resources], object]) -> Work:
    """The work of a task that leaves nothing to do for another."""

    def go_on(worker: Resources) -> bool:
        work(worker)
        return False

    return Work(go_on)


def _drain(worker: Resources) -> bool:
    know_kept_out(worker)
    return drain_partition.drain(worker, on_captured=_wake_reader)


def _wake_reader() -> None:
    """Nothing is lost if it fails: the sweep looks for what waits."""
    try:
        app.send_task(Task.READ_CAPTURED, expires=WAKEUP_EXPIRES_SECONDS)
    except (OperationalError, OSError) as error:
        log.warning("task_not_woken", task=Task.READ_CAPTURED, reason=type(error).__name__)


def _sweep_uploads(worker: Resources) -> None:
    """Deletes uploads that no job needs, or whose job was not retried in time, and exports whose time is over; and names of formats that are read now."""
    with worker.transaction() as connection:
        forget_known(connection, is_known)
    run_shard.delete_old_files(worker)
    upload_gc.sweep(worker)
    upload_gc.sweep_exports(worker)


def _begin_retention(worker: Resources) -> None:
    if (run_id := run_retention.begin_scheduled(worker)) is not None:
        app.send_task(RETENTION.task, (str(run_id),))


def _join_projects(worker: Resources) -> bool:
    moving, is_more = join_projects.run(worker)
    for project_id in moving:
        app.send_task(MERGE_OF_PROJECTS.task, (project_id,))
    return is_more


_MERGES: Final = {MERGE_OF_USERS: merge_users.run, MERGE_OF_PROJECTS: rekey_projects.run}

_OTHERS: Final[dict[Task, Work]] = {
    # A drain ends within seconds. One that does not waits for a server that is gone, and events wait for as long.
    Task.DRAIN: Work(_drain, 25),
    # One reading of a file is short. But it may wait for chunks of imports and for an undo, and a long file may be read again from its beginning.
    Task.READ_CAPTURED: Work(read_captured, 300),
    Task.ARCHIVE: Work(compaction.keep_up),
    Task.JOIN_PROJECTS: Work(_join_projects),
    Task.END_CANCELLED: _once(end_cancelled),
    Task.SWEEP_UPLOADS: _once(_sweep_uploads),
    Task.CLOSE_IDLE_SESSIONS: _once(idle_sessions.close_idle_sessions),
    Task.REMOVE_DEAD_CONSUMERS: _once(idle_sessions.remove_dead_consumers),
    Task.FORGET_CHANGES: _once(purge_search_hosts.forget_old_changes),
    Task.CHECK_ACCOUNTING: _once(accounting.check_accounting),
    Task.BEGIN_RETENTION: _once(_begin_retention),
    Task.CANARY: _once(canary.check_and_send),
}

for _task in Task:
    add_task(_task, _OTHERS[_task])
for _kind in KINDS.values():
    add_task(_kind.task, work_of(_kind))
