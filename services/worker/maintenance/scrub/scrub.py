"""Applies today's redaction rules to what is stored, or replaces given texts there: store by store, step by step.

It goes in stages (maintenance/staged_job.py): a stage is a table with texts (scrub_tables.py), or a store of another kind. Aggregates do not depend on
texts. What no stage reaches is told in `remains`.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.archive.scrub_contents import scrub_some
from services.worker.maintenance.purge_search_hosts import purge_search_hosts
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
from services.worker.maintenance.scrub.scrub_stage import Done, Options, Step
from services.worker.maintenance.scrub.scrub_tables import text_tables
from services.worker.maintenance.scrub.scrub_texts import OTHER_FORMS, forget, forget_texts, keep_texts_out, texts_of
from services.worker.maintenance.scrub.scrub_uploads import await_imports, await_uploads
from services.worker.maintenance.staged_job import RUN_SECONDS, Place, Stage, StagedJob, finish, go_on, take
from services.worker.resources import Resources
from shared.redaction import given_texts
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "scrub.sql")

log = structlog.get_logger()

_OPTIONS: Final = ("text_count", "keep_out", "rewrite_large", "delete_uploads")


def _scrub_transcripts(step: Step) -> Done:
    redactions: Counter[str] = Counter()
    done = scrub_some(step.connection, step.worker.archive, step.after, redactions, is_dry_run=step.is_dry_run)
    return Done(done.after, done.scanned, done.changed, redactions)


def _purge_search_hosts(step: Step) -> Done:
    """Hosts purge also if nothing was found: their files may have words of rows that an undo has deleted."""
    after, waits = purge_search_hosts(step.worker, step.connection, step.after)
    return Done(after, waits=waits)


# A running scrub is stored with the name of its stage. Names of tools and models come before the rows of sessions, whose models count.
STAGES: Final = (
    # From here on nothing comes in that has a given text.
    Stage("texts", keep_texts_out, in_transaction=False, is_left_out_of_dry_runs=True, is_short=True),
    Stage("journal", await_journal, in_transaction=False, is_left_out_of_dry_runs=True, is_short=True),
    Stage("imports", await_imports, in_transaction=False, is_left_out_of_dry_runs=True, is_short=True),
    Stage("names", scrub_names),
    *(Stage(table.table, partial(scrub_rows, table)) for table in text_tables()),
    # Of archived and live transcripts: archive/scrub_contents.py.
    Stage("transcripts", _scrub_transcripts),
    Stage("search_hosts", _purge_search_hosts, is_left_out_of_dry_runs=True),
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
_FORGETS_AT: Final = next(number for number, stage in enumerate(STAGES) if stage.name == "forget_texts")
_LOST: Final = "The texts that were given are gone: Redis has lost its half of them. Nothing was replaced since. Scrub again."


def run(worker: Resources, scrub_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a scrub for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    place = take(worker, JOB, scrub_id)
    if place is None:
        return False
    needs_texts = bool(place.row["text_count"]) and place.stage <= _FORGETS_AT
    texts = texts_of(worker, scrub_id) if needs_texts else None
    if needs_texts and texts is None and place.stage < _FORGETS_AT:
        log.error("scrub_lost_its_texts", scrub_id=str(scrub_id))
        finish(worker, JOB, place, "failed", _LOST)
        return False
    with given_texts.only(texts.plain) if texts else nullcontext():
        return go_on(worker, JOB, place, run_seconds)


def _options(place: Place) -> Options:
    return Options(place.job_id, *(place.row[name] for name in _OPTIONS))


def _given(worker: Resources, connection: Connection[Any], place: Place) -> Step:
    return Step(worker, connection, place.after, place.is_dry_run, _options(place))


def _note(connection: Connection[Any], place: Place, stage: str, done: Done) -> None:
    """Adds to the scrub's numbers what a step did."""
    numbers: dict[str, Any] = {"scanned": done.scanned, "changed": done.changed, "redactions": Jsonb(dict(done.redactions))}
    numbers |= {"changed_in": Jsonb({stage: done.changed} if done.changed else {}), "long_locks": Jsonb(dict(done.long_locks))}
    connection.execute(_SQL.note, place.parameters | numbers)
    _add_remains(connection, place, done.remains)


def _give_up(worker: Resources, place: Place) -> None:
    forget(worker, _options(place))


def _end(connection: Connection[Any], place: Place, status: str) -> None:
    if status == "succeeded" and not place.is_dry_run:
        _add_remains(connection, place, ALWAYS_REMAINS | (OTHER_FORMS if place.row["text_count"] else {}))


def _add_remains(connection: Connection[Any], place: Place, remains: Mapping[str, str]) -> None:
    if remains:
        connection.execute(_SQL.remains, place.parameters | {"remains": Jsonb(dict(remains))})


JOB: Final = StagedJob("scrub", "scrubs", STAGES, _given, _note, _end, give_up=_give_up)
