"""Applies today's redaction rules to what is stored, or replaces given texts there: store by store, step by step.

How far it is, is committed with what it changed.
If a worker dies, its lease expires and another worker continues after the last step. Aggregates do not depend on texts. A stage is a table with
texts (scrub_tables.py), or a store of another kind. What no stage reaches is told in `remains`.
"""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.archive.scrub_contents import scrub_some
from services.worker.lock_order import lock_documents
from services.worker.maintenance.scrub.scrub_files import (
    ALWAYS_REMAINS,
    collect_replaced,
    delete_exports,
    renew_write_ahead_log,
    rewrite_redis,
    rewrite_table,
)
from services.worker.maintenance.scrub.scrub_names import scrub_names
from services.worker.maintenance.scrub.scrub_redis import await_journal, scrub_redis
from services.worker.maintenance.scrub.scrub_rows import scrub_rows
from services.worker.maintenance.scrub.scrub_stage import (
    LONG_LEASE_SECONDS,
    POLL_SECONDS,
    RUN_SECONDS,
    Done,
    Options,
    Stage,
    Step,
    connection_of_its_own,
)
from services.worker.maintenance.scrub.scrub_tables import TABLES
from services.worker.maintenance.scrub.scrub_texts import OTHER_FORMS, forget, forget_texts, keep_texts_out, texts_of
from services.worker.maintenance.scrub.scrub_uploads import await_imports, await_uploads
from services.worker.resources import Resources
from services.worker.row_lease import LEASE_SECONDS, MAX_ATTEMPTS, LeaseLostError
from services.worker.search_index.forget_documents import forget_noted_behind
from shared.redaction import given_texts
from shared.sql_files import statement

_sql = partial(statement, __package__, "scrub.sql")

log = structlog.get_logger()

_OPTIONS: Final = ("text_count", "keep_out", "rewrite_large", "delete_uploads")

_ACQUIRE_LEASE = _sql("acquire_lease")
_RENEW_LEASE = _sql("renew_lease")
_ADVANCE = _sql("advance")
_RELEASE_LEASE = "UPDATE scrubs SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s"
_FINISH = _sql("finish")


def _scrub_transcripts(step: Step) -> Done:
    redactions: Counter[str] = Counter()
    done = scrub_some(step.connection, step.worker.archive, step.after, redactions, is_dry_run=step.is_dry_run)
    return Done(done.after, done.scanned, done.changed, redactions)


def _forget_documents(step: Step) -> Done:
    """A scrub that has succeeded leaves nothing that can be found, however long the indexer needs."""
    lock_documents(step.connection)
    last = forget_noted_behind(step.connection, int(step.after or 0))
    return Done(None if last is None else str(last))


# A running scrub is stored with the name of its stage. Names of tools and models come before the rows of sessions, whose models count.
STAGES: Final = (
    # From here on nothing comes in that has a given text.
    Stage("texts", keep_texts_out, in_transaction=False, is_left_out_of_dry_runs=True, is_short=True),
    Stage("journal", await_journal, in_transaction=False, is_left_out_of_dry_runs=True, is_short=True),
    Stage("imports", await_imports, in_transaction=False, is_left_out_of_dry_runs=True, is_short=True),
    Stage("names", scrub_names),
    *(Stage(table.table, partial(scrub_rows, table)) for table in TABLES),
    # Of archived and live transcripts: archive/scrub_contents.py.
    Stage("transcripts", _scrub_transcripts),
    # Documents of the search index that were made of what rows had before.
    Stage("search_documents", _forget_documents, is_left_out_of_dry_runs=True),
    Stage("redis", scrub_redis, in_transaction=False),
    # At last the files, which still have what was replaced.
    Stage("uploads", await_uploads, in_transaction=False, is_left_out_of_dry_runs=True),
    Stage("export_archives", delete_exports, in_transaction=False, is_left_out_of_dry_runs=True),
    Stage("archive", collect_replaced, in_transaction=False, is_left_out_of_dry_runs=True),
    # Before the files of the table that has a half of them are written anew.
    Stage("forget_texts", forget_texts, in_transaction=False, is_short=True),
    Stage("postgres_files", rewrite_table, in_transaction=False),
    Stage("write_ahead_log", renew_write_ahead_log, in_transaction=False, is_left_out_of_dry_runs=True),
    Stage("redis_files", rewrite_redis, in_transaction=False, is_left_out_of_dry_runs=True),
)
_AT_END: Final = "done"
_NAMES: Final = (*(stage.name for stage in STAGES), _AT_END)
_FORGETS_AT: Final = _NAMES.index("forget_texts")
_LOST: Final = {"texts": "The texts that were given are gone: Redis has lost its half of them. Nothing was replaced since. Scrub again."}


@dataclass(slots=True)
class _Place:
    """How far the scrub is: the number of its stage, and what the stage's last step gave."""

    options: Options
    lease_token: UUID
    is_dry_run: bool
    stage: int
    after: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of every statement."""
        return {"id": self.options.scrub_id, "lease_token": self.lease_token}


def run(worker: Resources, scrub_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a scrub for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    with worker.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_ACQUIRE_LEASE, {"id": scrub_id, "lease_seconds": LEASE_SECONDS}).fetchone()
    if row is None:
        return False
    # A stage that this release does not have is of another one: all of it again does no harm.
    at_stage, after = (row["at_stage"], row["after_key"]) if row["at_stage"] in _NAMES else (_NAMES[0], None)
    options = Options(scrub_id, *(row[name] for name in _OPTIONS))
    place = _Place(options, row["lease_token"], row["is_dry_run"], _NAMES.index(at_stage), after)
    if row["attempts"] > MAX_ATTEMPTS:
        log.error("scrub_given_up", scrub_id=str(scrub_id), stage=at_stage)
        return _end(worker, place, "failed")
    needs_texts = bool(options.text_count) and place.stage <= _FORGETS_AT
    texts = texts_of(worker, scrub_id) if needs_texts else None
    if needs_texts and texts is None and place.stage < _FORGETS_AT:
        log.error("scrub_lost_its_texts", scrub_id=str(scrub_id), stage=at_stage)
        return _end(worker, place, "failed", _LOST)
    try:
        with given_texts.only(texts.plain) if texts else nullcontext():
            if not _take_steps(worker, place, time.monotonic() + run_seconds):
                return True
    except LeaseLostError:
        log.warning("scrub_taken_over", scrub_id=str(scrub_id))
        return False
    return _end(worker, place, "succeeded", {} if place.is_dry_run else ALWAYS_REMAINS | (OTHER_FORMS if options.text_count else {}))


def _take_steps(worker: Resources, place: _Place, deadline: float) -> bool:
    """Steps until the end, or until a time. False if there are more."""
    while place.stage < len(STAGES):
        has_waited = _take_step(worker, place)
        if time.monotonic() > deadline:
            with worker.transaction() as connection:
                connection.execute(_RELEASE_LEASE, place.parameters)
            return False
        if has_waited:
            time.sleep(POLL_SECONDS)
    return True


def _end(worker: Resources, place: _Place, status: str, remains: Mapping[str, str] = MappingProxyType({})) -> bool:
    if status == "failed":
        forget(worker, place.options)
    with worker.transaction() as connection:
        connection.execute(_FINISH, place.parameters | {"status": status, "remains": Jsonb(dict(remains))})
    log.info("scrub_finished", scrub_id=str(place.options.scrub_id), status=status)
    return False


def _take_step(worker: Resources, place: _Place) -> bool:
    """The next step, and how far the scrub is then. True if there was nothing to do yet."""
    stage = STAGES[place.stage]
    if stage.is_left_out_of_dry_runs and place.is_dry_run:
        done = Done(None)
    elif stage.in_transaction:
        with worker.transaction() as connection:
            done = stage.step(Step(worker, connection, place.after, place.is_dry_run, place.options))
            _advance(connection, place, done)
        return done.waits
    else:
        _renew_lease(worker, place, LEASE_SECONDS if stage.is_short else LONG_LEASE_SECONDS)
        with connection_of_its_own(worker) as connection:
            done = stage.step(Step(worker, connection, place.after, place.is_dry_run, place.options))
    with worker.transaction() as connection:
        _advance(connection, place, done)
    return done.waits


def _renew_lease(worker: Resources, place: _Place, seconds: int) -> None:
    with worker.transaction() as connection:
        if connection.execute(_RENEW_LEASE, place.parameters | {"lease_seconds": seconds}).rowcount == 0:
            raise LeaseLostError


def _advance(connection: Connection[Any], place: _Place, done: Done) -> None:
    """Commits how far the scrub is with what it changed. LeaseLostError if another worker has it."""
    stage = _NAMES[place.stage]
    place.stage, place.after = (place.stage, done.after) if done.after else (place.stage + 1, None)
    progress: dict[str, Any] = {"at_stage": _NAMES[place.stage], "after_key": place.after, "scanned": done.scanned, "changed": done.changed}
    progress |= {"redactions": Jsonb(dict(done.redactions)), "remains": Jsonb(dict(done.remains)), "lease_seconds": LEASE_SECONDS}
    progress |= {"changed_in": Jsonb({stage: done.changed} if done.changed else {}), "long_locks": Jsonb(dict(done.long_locks))}
    if connection.execute(_ADVANCE, place.parameters | progress).rowcount == 0:
        raise LeaseLostError
