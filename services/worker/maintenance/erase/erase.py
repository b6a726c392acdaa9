"""Erases a session, a person, a project, or a range of a session: store by store, step by step. How far it is, is committed with what it changed.

It reads from top to bottom, in STAGES. Tombstones come first, so that nothing of it comes in again; the rows with their sums, then all else that has a
name, an id or a text; at last the files of the stores, which still have what was deleted. If a worker dies, its lease expires and another worker
continues after the last step. What no stage reaches is told in `remains`.
"""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.maintenance.erase import erase_stores
from services.worker.maintenance.erase.erase_base import erase_base
from services.worker.maintenance.erase.erase_range import erase_range_lines, erase_range_rows
from services.worker.maintenance.erase.erase_rows import erase_rows
from services.worker.maintenance.erase.erasure import Erased, Erasure, Stage
from services.worker.maintenance.scrub import scrub_files, scrub_redis
from services.worker.maintenance.scrub.scrub_stage import (
    LONG_LEASE_SECONDS,
    POLL_SECONDS,
    RUN_SECONDS,
    Done,
    Step,
    connection_of_its_own,
)
from services.worker.resources import Resources
from services.worker.row_lease import LEASE_SECONDS, MAX_ATTEMPTS, LeaseLostError
from shared.sql_files import statement

_sql = partial(statement, __package__, "erase.sql")

log = structlog.get_logger()

_ACQUIRE_LEASE: Final = _sql("acquire_lease")
_RENEW_LEASE: Final = _sql("renew_lease")
_LOAD: Final = _sql("load")
_ADVANCE: Final = _sql("advance")
_RELEASE_LEASE: Final = "UPDATE erasures SET lease_expires_at = NULL WHERE id = %(erasure_id)s AND lease_token = %(lease_token)s"
_FINISH: Final = _sql("finish")


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage that is not `in_transaction` has effects of its own, and may take minutes. A stage `of_files` is left out of dry runs."""

    step: Stage
    in_transaction: bool = True
    of_files: bool = False
    # For an erasure of a range, in place of `step`.
    of_range: Stage | None = None


def _nothing(_: Erasure, __: Step) -> Erased:
    """What has no time, and belongs to the session as a whole, stays."""
    return Erased(None)


def _of_scrub(step: Any) -> _Stage:
    """A stage that a scrub has too."""

    def take(_: Erasure, given: Step) -> Erased:
        done: Done = step(given)
        return Erased(done.after, remains=done.remains, waits=done.waits)

    return _Stage(take, in_transaction=False, of_files=True)


# A running erasure is stored with the name of its stage.
STAGES: Final = {
    "tombstones": _Stage(erase_stores.write_erasures_tombstones),
    # What was accepted before the tombstones is stored, or left out, before the stages that look for it.
    "journal": _of_scrub(scrub_redis.await_journal),
    "rows": _Stage(erase_rows, of_range=erase_range_rows),
    # What retention has dropped of it counts still.
    "base": _Stage(erase_base, of_range=_nothing),
    "names": _Stage(erase_stores.erase_names, of_range=_nothing),
    "imports": _Stage(erase_stores.erase_imports, of_range=_nothing),
    "tables": _Stage(erase_stores.erase_tables, of_range=_nothing),
    "transcripts": _Stage(erase_stores.erase_transcripts, of_range=erase_range_lines),
    "dead_letters": _Stage(erase_stores.erase_dead_letters),
    # Archives of exports hold what was stored when they were made.
    "exports": _Stage(erase_stores.erase_exports, in_transaction=False, of_files=True),
    "audit_log": _Stage(erase_stores.erase_audit_log, of_range=_nothing),
    "redis": _Stage(erase_stores.erase_redis),
    "search_index": _Stage(erase_stores.await_indexer, of_files=True),
    # The erasure's own row, too, is in the files that are written anew behind this.
    "forget": _Stage(erase_stores.forget_names, of_files=True),
    # Contents of the archive that no other file has.
    "archive": _of_scrub(scrub_files.collect_replaced),
    "postgres_files": _of_scrub(scrub_files.rewrite_table),
    "write_ahead_log": _of_scrub(scrub_files.renew_write_ahead_log),
    "redis_files": _of_scrub(scrub_files.rewrite_redis),
}
_AT_END: Final = "done"
_NAMES: Final = (*STAGES, _AT_END)
# What no stage reaches.
_ALWAYS_REMAINS: Final = {name: what for name, what in scrub_files.ALWAYS_REMAINS.items() if name != "identifiers"} | {
    "machines": "Transcripts and settings on the machines that sent them: delete them there. The tracker refuses what they still send.",
}


@dataclass(slots=True)
class _Place:
    """How far the erasure is: the number of its stage, and what the stage's last step gave."""

    erasure_id: UUID
    lease_token: UUID
    is_dry_run: bool
    stage: int
    after: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of every statement."""
        return {"erasure_id": self.erasure_id, "lease_token": self.lease_token}


def run(worker: Resources, erasure_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues an erasure for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    with worker.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_ACQUIRE_LEASE, {"erasure_id": erasure_id, "lease_seconds": LEASE_SECONDS}).fetchone()
    if row is None:
        return False
    # A stage that this release does not have is of another one: all of it again does no harm.
    at_stage, after = (row["at_stage"], row["after_key"]) if row["at_stage"] in _NAMES else (_NAMES[0], None)
    place = _Place(erasure_id, row["lease_token"], row["is_dry_run"], _NAMES.index(at_stage), after)
    if row["attempts"] > MAX_ATTEMPTS and not _leave_out(worker, place):
        return _end(worker, place, "failed")
    deadline = time.monotonic() + run_seconds
    try:
        while place.stage < len(STAGES):
            has_waited = _take_step(worker, place)
            if time.monotonic() > deadline:
                with worker.transaction() as connection:
                    connection.execute(_RELEASE_LEASE, place.parameters)
                return True
            if has_waited:
                time.sleep(POLL_SECONDS)
    except LeaseLostError:
        log.warning("erasure_taken_over", erasure_id=str(erasure_id))
        return False
    return _end(worker, place, "succeeded")


def _leave_out(worker: Resources, place: _Place) -> bool:
    """When workers died in a stage again and again. One of the files is told as left out. False for another: the erasure fails, and can be begun again."""
    name = _NAMES[place.stage]
    log.error("erasure_given_up", erasure_id=str(place.erasure_id), stage=name)
    if name == _AT_END or not STAGES[name].of_files or name == "forget":
        return False
    with worker.transaction() as connection:
        _advance(connection, place, Erased(None, remains={name: "It could not be done; see the worker's log. Then run `tracker scrub`."}))
    return True


def _end(worker: Resources, place: _Place, status: str) -> bool:
    """An erasure that failed keeps the names, since it can be begun again."""
    remains = {} if place.is_dry_run or status != "succeeded" else _ALWAYS_REMAINS
    with worker.transaction() as connection:
        if place.is_dry_run:
            erase_stores.forget(connection, place.erasure_id)
        connection.execute(_FINISH, place.parameters | {"status": status, "remains": Jsonb(remains)})
    log.info("erasure_finished", erasure_id=str(place.erasure_id), status=status)
    return False


def _take_step(worker: Resources, place: _Place) -> bool:
    """The next step, and how far the erasure is then. True if there was nothing to do yet."""
    stage = STAGES[_NAMES[place.stage]]
    if stage.of_files and place.is_dry_run:
        done = Erased(None)
    elif stage.in_transaction:
        with worker.transaction() as connection:
            erasure = _load(connection, place)
            step = stage.of_range if erasure.kind == "range" and stage.of_range else stage.step
            done = step(erasure, Step(worker, connection, place.after, place.is_dry_run))
            _advance(connection, place, done)
        return done.waits
    else:
        with worker.transaction() as connection:
            erasure = _load(connection, place)
            if connection.execute(_RENEW_LEASE, place.parameters | {"lease_seconds": LONG_LEASE_SECONDS}).rowcount == 0:
                raise LeaseLostError
        with connection_of_its_own(worker) as connection:
            done = stage.step(erasure, Step(worker, connection, place.after, place.is_dry_run))
    with worker.transaction() as connection:
        _advance(connection, place, done)
    return done.waits


def _load(connection: Connection[Any], place: _Place) -> Erasure:
    [row] = connection.execute(_LOAD, place.parameters).fetchall()
    return Erasure(*row)


def _advance(connection: Connection[Any], place: _Place, done: Erased) -> None:
    """Commits how far the erasure is with what it changed. LeaseLostError if another worker has it."""
    place.stage, place.after = (place.stage, done.after) if done.after else (place.stage + 1, None)
    progress: dict[str, Any] = {"at_stage": _NAMES[place.stage], "after_key": place.after, "counts": Jsonb(dict(done.counts))}
    progress |= {"remains": Jsonb(dict(done.remains)), "lease_seconds": LEASE_SECONDS}
    if connection.execute(_ADVANCE, place.parameters | progress).rowcount == 0:
        raise LeaseLostError
