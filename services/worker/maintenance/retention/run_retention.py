"""Drops what is older than it is to be kept: kind by kind, step by step. How far it is, is committed with what it dropped, and counted by project.

Rules are read at each step (the function retention_days), so one that is changed meanwhile counts at once; days are counted back from the run's begin.
A dry run takes the same steps, and counts. If a worker dies, its lease expires and another worker continues after the last step.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.maintenance.retention.drop_archive import drop_archive
from services.worker.maintenance.retention.drop_old_rows import drop_old
from services.worker.maintenance.retention.drop_sessions import drop_sessions
from services.worker.maintenance.retention.drop_texts import drop_texts, drop_texts_without_session
from services.worker.maintenance.retention.give_back import give_back_contents, vacuum_table
from services.worker.maintenance.retention.retention_stage import Count, Done, Stage, Step
from services.worker.resources import Resources
from services.worker.row_lease import LEASE_SECONDS, MAX_ATTEMPTS, LeaseLostError
from services.worker.sweep.sweep_statements import DUE_RETENTION, last_due
from shared.database import connect_options
from shared.sql_files import statement

_sql = partial(statement, __package__, "run_retention.sql")

log = structlog.get_logger()

# A task runs for less than its time limit, then sends the next one.
RUN_SECONDS: Final = 15.0
# After a step it rests for as long as the step took, and at most for this: live events come first.
MOST_REST_SECONDS: Final = 0.5
# A step outside of a transaction may take this long: it cannot commit its place with what it does.
STATEMENT_SECONDS: Final = 3_600
LONG_LEASE_SECONDS: Final = 3_660

_ACQUIRE_LEASE: Final = _sql("acquire_lease")
_RENEW_LEASE: Final = _sql("renew_lease")
_ADVANCE: Final = _sql("advance")
_ADD_COUNTS: Final = _sql("add_counts")
_RELEASE_LEASE: Final = "UPDATE retention_runs SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s"
_FINISH: Final = _sql("finish")
_AUDIT: Final = _sql("audit")
_BEGIN_SCHEDULED: Final = _sql("begin_scheduled")

# A running run is stored with the name of its stage. What goes as a whole goes first.
STAGES: Final = (
    Stage("sessions", drop_sessions),
    Stage("texts", drop_texts),
    Stage("texts_without_session", drop_texts_without_session),
    Stage("archive", drop_archive),
    *(Stage(what, drop_old(what)) for what in ("jobs", "dead_letters", "scrubs", "audit", "live_payloads")),
    # At last the room that it took.
    Stage("archive_contents", give_back_contents, in_transaction=False, is_left_out_of_dry_runs=True),
    Stage("postgres_files", vacuum_table, in_transaction=False, is_left_out_of_dry_runs=True),
)
_AT_END: Final = "done"
_NAMES: Final = (*(stage.name for stage in STAGES), _AT_END)


@dataclass(slots=True)
class _Place:
    """How far the run is: the number of its stage, and what the stage's last step gave."""

    run_id: UUID
    lease_token: UUID
    is_dry_run: bool
    as_of: datetime
    stage: int
    after: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of every statement."""
        return {"id": self.run_id, "lease_token": self.lease_token}


def begin_scheduled(worker: Resources) -> UUID | None:
    """The id of today's run, which begins now; None if it has begun already, or if another run is under way."""
    settings = worker.settings
    parameters = {"id": uuid4(), "since": last_due(settings.retention_hour), "has_settings": settings.drops_anything}
    with worker.transaction() as connection:
        if not connection.execute(DUE_RETENTION, parameters).fetchall():
            return None
        found = connection.execute(_BEGIN_SCHEDULED, parameters).fetchall()
    return found[0][0] if found else None


def run(worker: Resources, run_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a run for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    with worker.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_ACQUIRE_LEASE, {"id": run_id, "lease_seconds": LEASE_SECONDS}).fetchone()
    if row is None:
        return False
    # A stage that this release does not have is of another one: all of it again does no harm.
    at_stage, after = (row["at_stage"], row["after_key"]) if row["at_stage"] in _NAMES else (_NAMES[0], None)
    place = _Place(run_id, row["lease_token"], row["is_dry_run"], row["created_at"], _NAMES.index(at_stage), after)
    if row["attempts"] > MAX_ATTEMPTS:
        log.error("retention_given_up", run_id=str(run_id), stage=at_stage)
        return _end(worker, place, "failed")
    deadline = time.monotonic() + run_seconds
    try:
        while place.stage < len(STAGES):
            began = time.monotonic()
            _take_step(worker, place)
            if not place.is_dry_run:
                time.sleep(min(time.monotonic() - began, MOST_REST_SECONDS))
            if time.monotonic() > deadline:
                with worker.transaction() as connection:
                    connection.execute(_RELEASE_LEASE, place.parameters)
                return True
    except LeaseLostError:
        log.warning("retention_taken_over", run_id=str(run_id))
        return False
    return _end(worker, place, "succeeded")


def _end(worker: Resources, place: _Place, status: str) -> bool:
    with worker.transaction() as connection:
        connection.execute(_FINISH, place.parameters | {"status": status})
        if not place.is_dry_run:
            connection.execute(_AUDIT, place.parameters)
    log.info("retention_finished", run_id=str(place.run_id), status=status, is_dry_run=place.is_dry_run)
    return False


def _take_step(worker: Resources, place: _Place) -> None:
    """The next step, and how far the run is then."""
    stage = STAGES[place.stage]
    if stage.is_left_out_of_dry_runs and place.is_dry_run:
        done = Done(None)
    elif stage.in_transaction:
        with worker.transaction() as connection:
            done = stage.step(_step(worker, connection, place))
            _advance(connection, place, done)
        return
    else:
        _renew_lease(worker, place)
        with _connection_of_its_own(worker) as connection:
            done = stage.step(_step(worker, connection, place))
    with worker.transaction() as connection:
        _advance(connection, place, done)


def _step(worker: Resources, connection: Connection[Any], place: _Place) -> Step:
    return Step(worker, connection, place.run_id, place.after, place.is_dry_run, place.as_of)


def _renew_lease(worker: Resources, place: _Place) -> None:
    with worker.transaction() as connection:
        if connection.execute(_RENEW_LEASE, place.parameters | {"lease_seconds": LONG_LEASE_SECONDS}).rowcount == 0:
            raise LeaseLostError


@contextmanager
def _connection_of_its_own(worker: Resources) -> Iterator[Connection[Any]]:
    """One without a transaction, as VACUUM needs it. Queries that use a table are waited for a second only, since others wait behind that."""
    options = connect_options(statement_timeout_ms=STATEMENT_SECONDS * 1000, lock_timeout_ms=1_000, read_only=False)
    with Connection.connect(worker.settings.database_url, autocommit=True, application_name="tracker-worker", **options) as connection:
        yield connection


def _advance(connection: Connection[Any], place: _Place, done: Done) -> None:
    """Commits how far the run is with what it dropped. LeaseLostError if another worker has it."""
    place.stage, place.after = (place.stage, done.after) if done.after is not None else (place.stage + 1, None)
    progress = {"at_stage": _NAMES[place.stage], "after_key": place.after, "lease_seconds": LEASE_SECONDS}
    if connection.execute(_ADVANCE, place.parameters | progress).rowcount == 0:
        raise LeaseLostError
    if done.counts:
        connection.execute(_ADD_COUNTS, place.parameters | {"counts": Jsonb(_summed(done.counts))})


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
