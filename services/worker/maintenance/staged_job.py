"""Long work that goes in stages: a scrub, an erasure, a run of retention. From lease to end, step by step.

A job is a row of the table `jobs`. Its stage and the place in it (`at_stage`, `after_key`) and its results so far (`counts`, `remains`) are committed
with the changes of a step. If a worker dies, its lease expires and another worker goes on behind the last step. A job that cannot be done ends `failed`,
with the reason in `failure`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.job_failure import cannot_write, failure_of
from services.worker.resources import Resources
from services.worker.row_lease import LEASE_PARTS, LEASE_SECONDS, MAX_ATTEMPTS, LeaseLostError
from services.worker.sql_text import sql
from shared.blobs.store import BlobStoreAway
from shared.database import connect_options
from shared.jobs import JobKind
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "staged_job.sql", **LEASE_PARTS)

log = structlog.get_logger()

# A task runs for less than its time limit, then sends the next one.
RUN_SECONDS: Final = 15.0
# A step with effects of its own may take this long: it cannot commit its place with them.
STATEMENT_SECONDS: Final = 600
# Between two looks at what is waited for.
POLL_SECONDS: Final = 0.25

_AT_END: Final = "done"
_DIED: Final = "Its workers ended again and again at one stage; see their log, then ask for this again."


# {what: how much}, which may be a level deeper or two.
Counts = Mapping[str, "int | Counts"]


class CannotGoOnError(Exception):
    """The job fails; the text says why, and what to do."""


class Done(NamedTuple):
    """The result of a step. `after`: where the next one goes on; None at the stage's end. `waits`: there was nothing to do yet.

    `counts` are added to those of the job. `remains`: {name of a place that could not be reached: what to do about it}.
    """

    after: str | None
    counts: Counts = {}  # noqa: RUF012 - a mapping, which nobody changes
    remains: Mapping[str, str] = {}
    waits: bool = False


Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Stage(Generic[Given]):
    """A step that is not `in_transaction` has effects of its own, and a connection outside of one. It may be taken again after a crash."""

    name: str
    step: Callable[[Given], Done]
    in_transaction: bool = True
    is_left_out_of_dry_runs: bool = False
    # Whether a step of its own effects ends within the usual lease, so that after a crash another worker goes on soon.
    is_short: bool = False


@dataclass(slots=True)
class Place:
    """How far a job is: the number of its stage, and what the stage's last step gave. `row`: of the table, when the lease was taken."""

    job_id: UUID
    lease_token: UUID
    is_dry_run: bool
    stage: int
    after: str | None
    row: Mapping[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of statements that write into the job's row."""
        return {"id": self.job_id, "lease_token": self.lease_token, "lease_seconds": LEASE_SECONDS}


def _nothing(_stage: Any) -> None:
    """A stage in which workers died again and again is not left out: the job fails."""


def _no_more(_worker: Resources, _place: Place) -> None:
    """Nothing is left behind by a job that fails."""


def _at_once(_place: Place, _seconds: float) -> float:
    return 0.0


def _with_nothing(_worker: Resources, _place: Place) -> AbstractContextManager[Any]:
    return nullcontext()


def _ends(_connection: Connection[Any], _place: Place, _status: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class StagedJob(Generic[Given]):
    """A kind of job. A running one is stored with the name of its stage, so stages may come and go between releases."""

    kind: JobKind
    stages: tuple[Stage[Given], ...]
    # Makes the arguments of a step.
    given: Callable[[Resources, Connection[Any], Place], Given]
    # Called when it ends with a status, in that transaction. Returns `remains` as in Done.
    end: Callable[[Connection[Any], Place, str], Mapping[str, str]] = _ends
    # A context that a worker holds while it is at the job. Raises CannotGoOnError.
    during: Callable[[Resources, Place], AbstractContextManager[Any]] = _with_nothing
    # SQL of what else is set when a worker takes it.
    also_taken: str = ""
    # The result of a stage that is left out, since workers died in it again and again; None: the job fails.
    left_out: Callable[[Stage[Given]], Done | None] = _nothing
    # Called first when it fails, in transactions of its own.
    give_up: Callable[[Resources, Place], None] = _no_more
    # Seconds of rest behind a step that took so many seconds.
    rest_seconds: Callable[[Place, float], float] = _at_once
    statement_seconds: int = STATEMENT_SECONDS

    @property
    def long_lease_seconds(self) -> int:
        """The lease of a step with effects of its own."""
        return self.statement_seconds + 60

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its stages, and of the end."""
        return (*(stage.name for stage in self.stages), _AT_END)


def run(worker: Resources, job: StagedJob[Given], job_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a job for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    place = _take(worker, job, job_id)
    if place is None:
        return False
    try:
        during = job.during(worker, place)
    except CannotGoOnError as error:
        log.error(f"{job.kind.name}_cannot_go_on", job_id=str(job_id), reason=str(error))
        _finish(worker, job, place, "failed", str(error))
        return False
    with during:
        return _go_on(worker, job, place, run_seconds)


def _take(worker: Resources, job: StagedJob[Given], job_id: UUID) -> Place | None:
    """Takes the lease. None if the job has ended, if another worker has it, or if it failed too often."""
    with worker.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        take_lease = sql(_SQL.take, also=job.also_taken).encode()
        row = cursor.execute(take_lease, {"id": job_id, "kind": job.kind.name, "lease_seconds": LEASE_SECONDS}).fetchone()
    if row is None:
        return None
    # A stage that this release does not have is of another one: all of it again does no harm.
    at_stage, after = (row["at_stage"], row["after_key"]) if row["at_stage"] in job.names else (job.names[0], None)
    place = Place(job_id, row["lease_token"], row["is_dry_run"], job.names.index(at_stage), after, row)
    if row["attempts"] > MAX_ATTEMPTS:
        log.error(f"{job.kind.name}_given_up", job_id=str(job_id), stage=at_stage)
        instead = job.left_out(job.stages[place.stage]) if at_stage != _AT_END else None
        if instead is None:
            _finish(worker, job, place, "failed", row["failure"] or _DIED)
            return None
        with worker.transaction() as connection:
            _advance(connection, job, place, instead)
    return place


def _go_on(worker: Resources, job: StagedJob[Given], place: Place, run_seconds: float) -> bool:
    """Steps until the end, or for a while. True if there is more to do."""
    deadline = time.monotonic() + run_seconds
    try:
        while place.stage < len(job.stages):
            began = time.monotonic()
            has_waited = _take_step(worker, job, place)
            if rest := POLL_SECONDS if has_waited else job.rest_seconds(place, time.monotonic() - began):
                time.sleep(rest)
            if time.monotonic() > deadline:
                with worker.transaction() as connection:
                    connection.execute(_SQL.release, place.parameters)
                return True
    except LeaseLostError:
        log.warning(f"{job.kind.name}_taken_over", job_id=str(place.job_id))
        return False
    except Exception as error:
        failure = failure_of(error)
        if not cannot_write(error):
            # It is tried again, and told if that helps nothing.
            with worker.transaction() as connection:
                note = _SQL.put_back if isinstance(error, BlobStoreAway) else _SQL.note_failure
                connection.execute(note, place.parameters | {"failure": failure})
            raise
        log.error(f"{job.kind.name}_cannot_write", job_id=str(place.job_id), stage=job.names[place.stage], reason=failure)
        _finish(worker, job, place, "failed", failure)
        return False
    _finish(worker, job, place, "succeeded")
    return False


def _finish(worker: Resources, job: StagedJob[Given], place: Place, status: str, failure: str | None = None) -> None:
    """Ends a job, `succeeded` or `failed`. `failure`: why, in one sentence."""
    if status == "failed":
        job.give_up(worker, place)
    with worker.transaction() as connection:
        ended = {"status": status, "failure": failure, "remains": Jsonb(dict(job.end(connection, place, status)))}
        connection.execute(_SQL.finish, place.parameters | ended)
    log.info(f"{job.kind.name}_finished", job_id=str(place.job_id), status=status, failure=failure, is_dry_run=place.is_dry_run)


def _take_step(worker: Resources, job: StagedJob[Given], place: Place) -> bool:
    """The next step, and how far the job is then. True if there was nothing to do yet."""
    stage = job.stages[place.stage]
    done: Done | None = None
    if stage.in_transaction and not (stage.is_left_out_of_dry_runs and place.is_dry_run):
        with worker.transaction() as connection:
            done = stage.step(job.given(worker, connection, place))
            _advance(connection, job, place, done)
        return done.waits
    if not (stage.is_left_out_of_dry_runs and place.is_dry_run):
        _renew_lease(worker, place, LEASE_SECONDS if stage.is_short else job.long_lease_seconds)
        with _connection_of_its_own(worker, job.statement_seconds) as connection:
            done = stage.step(job.given(worker, connection, place))
    with worker.transaction() as connection:
        _advance(connection, job, place, done)
    return done is not None and done.waits


def _renew_lease(worker: Resources, place: Place, seconds: int) -> None:
    with worker.transaction() as connection:
        if connection.execute(_SQL.renew, place.parameters | {"lease_seconds": seconds}).rowcount == 0:
            raise LeaseLostError


@contextmanager
def _connection_of_its_own(worker: Resources, statement_seconds: int) -> Iterator[Connection[Any]]:
    """One without a transaction, as VACUUM needs it. Queries that use a table are waited for a second only, since others wait behind that."""
    options = connect_options(statement_timeout_ms=statement_seconds * 1000, lock_timeout_ms=1_000, read_only=False)
    with Connection.connect(worker.settings.database_url, autocommit=True, application_name="tracker-worker", **options) as connection:
        yield connection


def _advance(connection: Connection[Any], job: StagedJob[Given], place: Place, done: Done | None) -> None:
    """Commits how far the job is with what it changed. `done`: None for a stage that is left out. LeaseLostError if another worker has it."""
    after = None if done is None else done.after
    place.stage, place.after = (place.stage, after) if after is not None else (place.stage + 1, None)
    progress = {"at_stage": job.names[place.stage], "after_key": place.after}
    if connection.execute(_SQL.advance, place.parameters | progress).rowcount == 0:
        raise LeaseLostError
    if done is not None:
        _note(connection, place, done)


def _note(connection: Connection[Any], place: Place, done: Done) -> None:
    """Adds to the job's numbers what a step did. Read anew: a scrub may have changed a name among them."""
    if not done.counts and not done.remains:
        return
    [(stored,)] = connection.execute(_SQL.counts, place.parameters).fetchall()
    noted = {"counts": Jsonb(summed(stored, done.counts)), "remains": Jsonb(dict(done.remains))}
    connection.execute(_SQL.note, place.parameters | noted)


def summed(a: Counts, b: Counts) -> dict[str, Any]:
    """The sums of numbers by the same names."""
    both: dict[str, Any] = dict(a)
    for name, more in b.items():
        both[name] = summed(both.get(name) or {}, more) if isinstance(more, Mapping) else (both.get(name) or 0) + more
    return both
