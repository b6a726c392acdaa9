"""Drops what is older than it is to be kept: kind by kind, step by step, and counted by project.

Rules are read at each step (the function retention_days), so one that is changed meanwhile counts at once; days are counted back from the run's begin.
A dry run takes the same steps, and counts. How it goes from step to step is in maintenance/staged_job.py.
"""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.maintenance import staged_job
from services.worker.maintenance.purge_search_hosts import purge_search_hosts
from services.worker.maintenance.retention.drop_archive import drop_archive
from services.worker.maintenance.retention.drop_old_rows import drop_live, drop_old
from services.worker.maintenance.retention.drop_sessions import drop_sessions
from services.worker.maintenance.retention.drop_texts import drop_texts, drop_texts_without_session
from services.worker.maintenance.retention.give_back import begin_changes, give_back_contents, note_changes, vacuum_table
from services.worker.maintenance.retention.retention_stage import Count, Done, Step
from services.worker.maintenance.staged_job import Place, Stage, StagedJob
from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import DUE_RETENTION, last_due
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "run_retention.sql")

# After a step it rests for as long as the step took, and at most for this: live events come first.
MOST_REST_SECONDS: Final = 0.5
# A step outside of a transaction may take this long: it cannot commit its place with what it does.
STATEMENT_SECONDS: Final = 3_600

_BYTES_AFTER: Final = (
    "UPDATE retention_runs SET bytes_after = pg_database_size(current_database()) WHERE id = %(id)s AND lease_token = %(lease_token)s"
)


def _purge_search_hosts(step: Step) -> Done:
    """A run that took no text begins each day, so it leaves the hosts' indexes as they are."""
    if step.after is None and not step.connection.execute(_SQL.took_texts, {"run_id": step.run_id}).fetchall():
        return Done(None)
    after, waits = purge_search_hosts(step.worker, step.connection, step.after)
    return Done(after, waits=waits)


# A running run is stored with the name of its stage. Whole sessions go first.
STAGES: Final = (
    Stage("sessions", drop_sessions),
    Stage("texts", drop_texts),
    Stage("texts_without_session", drop_texts_without_session),
    Stage("search_hosts", _purge_search_hosts, is_left_out_of_dry_runs=True),
    Stage("archive", drop_archive),
    *(Stage(what, drop_old(what)) for what in ("jobs", "dead_letters", "scrubs", "audit")),
    Stage("live_payloads", drop_live),
    # At last the room that it took.
    Stage("archive_contents", give_back_contents, in_transaction=False, is_left_out_of_dry_runs=True),
    Stage("postgres_files", vacuum_table, in_transaction=False, is_left_out_of_dry_runs=True),
)


def begin_scheduled(worker: Resources) -> UUID | None:
    """The id of today's run, which begins now; None if it has begun already, or if another run is under way."""
    settings = worker.settings
    parameters = {"id": uuid4(), "since": last_due(settings.retention_hour), "has_settings": settings.drops_anything}
    with worker.transaction() as connection:
        if not connection.execute(DUE_RETENTION, parameters).fetchall():
            return None
        found = connection.execute(_SQL.begin_scheduled, parameters).fetchall()
    return found[0][0] if found else None


def run(worker: Resources, run_id: UUID, run_seconds: float = staged_job.RUN_SECONDS) -> bool:
    """Continues a run for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    return staged_job.run(worker, JOB, run_id, run_seconds)


def _given(worker: Resources, connection: Connection[Any], place: Place) -> Step:
    begin_changes(connection)
    return Step(worker, connection, place.job_id, place.after, place.is_dry_run, place.row["created_at"])


def _note(connection: Connection[Any], place: Place, _stage: str, done: Done) -> None:
    if not place.is_dry_run:
        note_changes(connection, place.job_id)
    if done.counts:
        connection.execute(_SQL.add_counts, place.parameters | {"counts": Jsonb(_summed(done.counts))})


def _end(connection: Connection[Any], place: Place, _status: str) -> None:
    connection.execute(_BYTES_AFTER, place.parameters)
    if not place.is_dry_run:
        connection.execute(_SQL.audit, place.parameters)


def _rest_seconds(place: Place, step_seconds: float) -> float:
    return 0.0 if place.is_dry_run else min(step_seconds, MOST_REST_SECONDS)


def _summed(counts: Iterable[Count]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, int], list[int]] = {}
    for count in counts:
        total = sums.setdefault((count.what, count.project_id), [0, 0, 0])
        for place, number in enumerate((count.sessions, count.rows, count.bytes)):
            total[place] += number
    return [
        {"what": what, "project_id": project_id, "sessions": sessions, "rows": rows, "bytes": size}
        for (what, project_id), (sessions, rows, size) in sums.items()
    ]


JOB: Final = StagedJob(
    "retention",
    "retention_runs",
    STAGES,
    _given,
    _note,
    _end,
    also_taken=", bytes_before = coalesce(bytes_before, pg_database_size(current_database()))",
    rest_seconds=_rest_seconds,
    statement_seconds=STATEMENT_SECONDS,
)
