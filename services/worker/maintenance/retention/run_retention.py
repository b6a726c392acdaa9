"""Drops what is older than it is to be kept: kind by kind, step by step, and counted by project.

Rules are read at each step (the function retention_days), so one that is changed meanwhile counts at once; days are counted back from the run's begin.
A dry run takes the same steps, and counts. How it goes from step to step is in maintenance/staged_job.py.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.maintenance.purge_search_hosts import purge_search_hosts
from services.worker.maintenance.retention.drop_archive import drop_archive
from services.worker.maintenance.retention.drop_old_rows import drop_live, drop_old
from services.worker.maintenance.retention.drop_sessions import drop_sessions
from services.worker.maintenance.retention.drop_texts import drop_texts, drop_texts_without_session
from services.worker.maintenance.retention.give_back import begin_changes, changed_tables, give_back_contents, vacuum_table
from services.worker.maintenance.retention.retention_stage import Count, Dropped, Step
from services.worker.maintenance.staged_job import Done, Place, Stage, StagedJob
from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import DUE_RETENTION, last_due
from shared.jobs import RETENTION
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "run_retention.sql")

# After a step it rests for as long as the step took, and at most for this: live events come first.
MOST_REST_SECONDS: Final = 0.5
# A step outside of a transaction may take this long: it cannot commit its place with what it does.
STATEMENT_SECONDS: Final = 3_600


def _purge_search_hosts(step: Step) -> Dropped:
    """A run that took no text begins each day, so it leaves the hosts' indexes as they are."""
    if step.after is None and not step.connection.execute(_SQL.took_texts, {"run_id": step.run_id}).fetchall():
        return Dropped(None)
    after, waits = purge_search_hosts(step.worker, step.connection, step.after)
    return Dropped(after, waits=waits)


def _dropping(name: str, drop: Callable[[Step], Dropped], *, is_left_out_of_dry_runs: bool = False) -> Stage[Step]:
    """A stage that drops rows, and counts them by project."""

    def step(given: Step) -> Done:
        begin_changes(given.connection)
        dropped = drop(given)
        changed = [] if given.is_dry_run else changed_tables(given.connection)
        if dropped.counts:
            given.connection.execute(_SQL.add_counts, {"id": given.run_id, "counts": Jsonb(_summed(dropped.counts))})
        return Done(dropped.after, {"changed_tables": dict.fromkeys(changed, 1)} if changed else {}, waits=dropped.waits)

    return Stage(name, step, is_left_out_of_dry_runs=is_left_out_of_dry_runs)


# A running run is stored with the name of its stage. Whole sessions go first.
STAGES: Final = (
    _dropping("sessions", drop_sessions),
    _dropping("texts", drop_texts),
    _dropping("texts_without_session", drop_texts_without_session),
    _dropping("search_hosts", _purge_search_hosts, is_left_out_of_dry_runs=True),
    _dropping("archive", drop_archive),
    *(_dropping(what, drop_old(what)) for what in ("jobs", "dead_letters", "scrubs", "audit")),
    _dropping("live_payloads", drop_live),
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


def _given(worker: Resources, connection: Connection[Any], place: Place) -> Step:
    return Step(worker, connection, place.job_id, place.after, place.is_dry_run, place.row["created_at"])


def _end(connection: Connection[Any], place: Place, _status: str) -> Mapping[str, str]:
    connection.execute(_SQL.bytes_after, place.parameters)
    if not place.is_dry_run:
        connection.execute(_SQL.audit, place.parameters)
    return {}


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
    RETENTION,
    STAGES,
    _given,
    _end,
    also_taken=", counts = jsonb_build_object('bytes_before', pg_database_size(current_database())) || counts",
    rest_seconds=_rest_seconds,
    statement_seconds=STATEMENT_SECONDS,
)
