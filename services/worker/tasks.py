"""All Celery tasks. A task carries no data but ids; its work is in the module that it calls."""

import structlog
from kombu.exceptions import OperationalError

from services.worker.app import app
from services.worker.archive import compaction
from services.worker.capture.read_captured import read_captured as read_what_was_captured
from services.worker.drain import accounting, canary, drain_partition
from services.worker.importers.formats.known_formats import is_known
from services.worker.importers.job import run_shard
from services.worker.importers.job.end_cancelled import end_cancelled as end_cancelled_jobs
from services.worker.kept_out import know_kept_out
from services.worker.maintenance import idle_sessions, join_projects, purge_search_hosts, upload_gc
from services.worker.maintenance.jobs import work_of
from services.worker.maintenance.retention import run_retention
from services.worker.persist.unread_formats import forget_known
from services.worker.resources import resources
from services.worker.retry_later import retry_later_if_unavailable
from shared.broker import Task
from shared.jobs import KINDS, MERGE_OF_PROJECTS, RETENTION, JobKind

log = structlog.get_logger()

# A drain ends within seconds. One that does not waits for a server that is gone, and events wait for as long.
DRAIN_LIMIT_SECONDS = 25
# One reading of a file is short, but it may wait for chunks of imports and for an undo, and a long file may have to be read again from its beginning.
CAPTURE_LIMIT_SECONDS = 300
WAKEUP_EXPIRES_SECONDS = 60


@app.task(name=Task.DRAIN, soft_time_limit=DRAIN_LIMIT_SECONDS, time_limit=DRAIN_LIMIT_SECONDS + 10)
def drain() -> None:
    """Persists what is in the journal. Sent by ingest for new events, and by beat where that was lost."""
    with retry_later_if_unavailable(Task.DRAIN):
        know_kept_out(resources())
        if drain_partition.drain(resources(), on_captured=_wake_reader):
            app.send_task(Task.DRAIN)


@app.task(name=Task.READ_CAPTURED, soft_time_limit=CAPTURE_LIMIT_SECONDS, time_limit=CAPTURE_LIMIT_SECONDS + 10)
def read_captured() -> None:
    """Makes rows of what live capture has stored. Sent by the drain that stored it, and by beat where that was lost."""
    with retry_later_if_unavailable(Task.READ_CAPTURED):
        if read_what_was_captured(resources()):
            app.send_task(Task.READ_CAPTURED)


def _wake_reader() -> None:
    """Nothing is lost if it fails: the sweep looks for what waits."""
    try:
        app.send_task(Task.READ_CAPTURED, expires=WAKEUP_EXPIRES_SECONDS)
    except (OperationalError, OSError) as error:
        log.warning("task_not_woken", task=Task.READ_CAPTURED, reason=type(error).__name__)


@app.task(name=Task.END_CANCELLED)
def end_cancelled() -> None:
    """Ends import jobs whose workers do not react to their cancel."""
    with retry_later_if_unavailable(Task.END_CANCELLED):
        end_cancelled_jobs(resources())


@app.task(name=Task.SWEEP_UPLOADS)
def sweep_uploads() -> None:
    """Deletes uploads that no job needs, or whose job was not retried in time, and exports whose time is over; and names of formats that are read now."""
    with retry_later_if_unavailable(Task.SWEEP_UPLOADS):
        with resources().transaction() as connection:
            forget_known(connection, is_known)
        run_shard.delete_old_files(resources())
        upload_gc.sweep(resources())
        upload_gc.sweep_exports(resources())


@app.task(name=Task.CLOSE_IDLE_SESSIONS)
def close_idle_sessions() -> None:
    """Closes open sessions in which nothing has happened for a while."""
    with retry_later_if_unavailable(Task.CLOSE_IDLE_SESSIONS):
        idle_sessions.close_idle_sessions(resources())


@app.task(name=Task.REMOVE_DEAD_CONSUMERS)
def remove_dead_consumers() -> None:
    """Removes consumers of the journal whose process is gone and that hold nothing."""
    with retry_later_if_unavailable(Task.REMOVE_DEAD_CONSUMERS):
        idle_sessions.remove_dead_consumers(resources())


@app.task(name=Task.FORGET_CHANGES)
def forget_changes() -> None:
    """Deletes the notes of changed rows that every query host has followed long since."""
    with retry_later_if_unavailable(Task.FORGET_CHANGES):
        purge_search_hosts.forget_old_changes(resources())


@app.task(name=Task.CHECK_ACCOUNTING)
def check_accounting() -> None:
    """Checks that every accepted event is persisted, a duplicate, dead or pending."""
    with retry_later_if_unavailable(Task.CHECK_ACCOUNTING):
        accounting.check_accounting(resources())


def add_job_task(kind: JobKind) -> None:
    """The task of a kind of job."""
    work = work_of(kind)

    @app.task(name=kind.task, acks_late=work.is_acknowledged_late, soft_time_limit=work.limit_seconds, time_limit=work.limit_seconds + 10)
    def go_on(*of: str | int) -> None:
        """Goes on with a job of the kind for a while. Sent by ingest, by itself until it is done, and by beat."""
        with retry_later_if_unavailable(kind.task):
            if work.go_on(resources(), *of):
                app.send_task(kind.task, of)


for _kind in KINDS.values():
    add_job_task(_kind)


@app.task(name=Task.BEGIN_RETENTION)
def begin_retention() -> None:
    """Begins the day's run of retention."""
    with retry_later_if_unavailable(Task.BEGIN_RETENTION):
        if (run_id := run_retention.begin_scheduled(resources())) is not None:
            app.send_task(RETENTION.task, (str(run_id),))


@app.task(name=Task.JOIN_PROJECTS)
def join_same_projects() -> None:
    """Makes one project of those that are one. Sent by ingest when a machine tells of folders, and by beat."""
    with retry_later_if_unavailable(Task.JOIN_PROJECTS):
        moving, is_more = join_projects.run(resources())
        for project_id in moving:
            app.send_task(MERGE_OF_PROJECTS.task, (project_id,))
        if is_more:
            app.send_task(Task.JOIN_PROJECTS)


@app.task(name=Task.ARCHIVE)
def keep_archive() -> None:
    """Moves ranges of transcripts into the archive, and deletes what it does not keep. Sent by beat, and by itself until the ranges are moved."""
    with retry_later_if_unavailable(Task.ARCHIVE):
        if compaction.keep_up(resources()):
            app.send_task(Task.ARCHIVE)


@app.task(name=Task.CANARY)
def send_canary() -> None:
    """Checks for the last canary, and sends the next."""
    with retry_later_if_unavailable(Task.CANARY):
        canary.check_and_send(resources())
