"""Erases a session, a person, a project, or a range of a session: store by store, step by step (maintenance/staged_job.py).

It reads from top to bottom, in STAGES. Tombstones come first, so that nothing of it comes in again. The rows with their sums follow, then all else with
a name, an id or a text, and at last the files of the stores, which still have deleted data. `remains` names the data that no stage reaches.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from psycopg import Connection

from services.worker.maintenance import staged_job
from services.worker.maintenance.erase import erase_stores
from services.worker.maintenance.erase.erase_base import erase_base
from services.worker.maintenance.erase.erase_dead_letters import erase_dead_letters
from services.worker.maintenance.erase.erase_range import erase_range_lines, erase_range_rows
from services.worker.maintenance.erase.erase_rows import erase_rows
from services.worker.maintenance.erase.erasure import Erasure, Stage
from services.worker.maintenance.purge_search_hosts import purge_search_hosts
from services.worker.maintenance.scrub import scrub_files, scrub_redis
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done, Place, StagedJob
from services.worker.resources import Resources
from shared.jobs import ERASURE
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "erase.sql")


class _Given(NamedTuple):
    """The arguments of a step."""

    erasure: Erasure
    step: Step


def _stage(
    name: str, step: Stage, *, of_range: Stage | None = None, in_transaction: bool = True, of_files: bool = False
) -> staged_job.Stage[_Given]:
    """`of_range`: for an erasure of a range, in place of `step`. A stage `of_files` is left out of dry runs."""

    def take(given: _Given) -> Done:
        taken = of_range if of_range is not None and given.erasure.kind == "range" else step
        return taken(given.erasure, given.step)

    return staged_job.Stage(name, take, in_transaction=in_transaction, is_left_out_of_dry_runs=of_files)


def _nothing(_: Erasure, __: Step) -> Done:
    """Keeps data that has no time, and belongs to the session as a whole."""
    return Done(None)


def _purge_search_hosts(_: Erasure, step: Step) -> Done:
    """Words of a range may be in the hosts' files too."""
    after, waits = purge_search_hosts(step.worker, step.connection, step.after)
    return Done(after, waits=waits)


def _of_scrub(name: str, step: Callable[[Step], Done]) -> staged_job.Stage[_Given]:
    """A stage that a scrub has too."""
    return _stage(name, lambda _, given: step(given), in_transaction=False, of_files=True)


# A running erasure is stored with the name of its stage.
STAGES: Final = (
    _stage("tombstones", erase_stores.write_erasures_tombstones),
    # Entries that were accepted before the tombstones are stored, or left out, before the stages that look for them.
    _of_scrub("journal", scrub_redis.await_journal),
    _stage("rows", erase_rows, of_range=erase_range_rows),
    # Sessions that retention has dropped count still.
    _stage("base", erase_base, of_range=_nothing),
    _stage("names", erase_stores.erase_names, of_range=_nothing),
    _stage("imports", erase_stores.erase_imports, of_range=_nothing),
    _stage("tables", erase_stores.erase_tables, of_range=_nothing),
    _stage("transcripts", erase_stores.erase_transcripts, of_range=erase_range_lines),
    _stage("dead_letters", erase_dead_letters),
    # Archives of exports hold what was stored when they were made.
    _stage("exports", erase_stores.erase_exports, in_transaction=False, of_files=True),
    _stage("audit_log", erase_stores.erase_audit_log, of_range=_nothing),
    _stage("redis", erase_stores.erase_redis),
    # No note of a change has its ids then.
    _stage("search_hosts", _purge_search_hosts, of_files=True),
    # Contents of the archive that no other file has. Before the names are forgotten, so that an erasure that may not write there can be begun again.
    _of_scrub("archive", scrub_files.collect_replaced),
    # The erasure's own row, too, is in the files that are written anew behind this.
    _stage("forget", erase_stores.forget_names, of_files=True),
    _of_scrub("postgres_files", scrub_files.rewrite_table),
    _of_scrub("write_ahead_log", scrub_files.renew_write_ahead_log),
    _of_scrub("redis_files", scrub_files.rewrite_redis),
)
# A search may find it until hosts have purged.
_NEVER_LEFT_OUT: Final = ("search_hosts", "forget")
# Places that no stage reaches.
_ALWAYS_REMAINS: Final = {name: what for name, what in scrub_files.ALWAYS_REMAINS.items() if name != "identifiers"} | {
    "machines": "Transcripts and settings on the machines that sent them: delete them there. The tracker refuses what they still send.",
}


def _given(worker: Resources, connection: Connection[Any], place: Place) -> _Given:
    # Stages before this one may have noted its projects.
    [row] = connection.execute(_SQL.load, place.parameters).fetchall()
    return _Given(Erasure(*row), Step(worker, connection, place.after, place.is_dry_run))


def _left_out(stage: staged_job.Stage[_Given]) -> Done | None:
    """A stage of the files is told as left out. Else the erasure fails, and can be begun again."""
    if not stage.is_left_out_of_dry_runs or stage.name in _NEVER_LEFT_OUT:
        return None
    return Done(None, remains={stage.name: "It could not be done; see the worker's log. Then run `tracker scrub`."})


def _end(connection: Connection[Any], place: Place, status: str) -> Mapping[str, str]:
    """An erasure that failed keeps the names, since it can be begun again."""
    if place.is_dry_run:
        erase_stores.forget(connection, place.job_id)
    return {} if place.is_dry_run or status != "succeeded" else _ALWAYS_REMAINS


JOB: Final = StagedJob(ERASURE, STAGES, _given, _end, left_out=_left_out)
