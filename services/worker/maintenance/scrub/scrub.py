"""Applies today's redaction rules to what is stored, or replaces given texts there: store by store, step by step.

It goes in stages (maintenance/staged_job.py): a stage is a table with texts (scrub_tables.py), or a store of another kind. Aggregates do not depend on
texts. `remains` names the data that no stage reaches.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final

from psycopg import Connection

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
from services.worker.maintenance.scrub.scrub_stage import Options, Step
from services.worker.maintenance.scrub.scrub_tables import text_tables
from services.worker.maintenance.scrub.scrub_texts import OTHER_FORMS, forget, forget_texts, keep_texts_out, texts_of
from services.worker.maintenance.scrub.scrub_uploads import await_imports, await_uploads
from services.worker.maintenance.staged_job import CannotGoOnError, Done, Place, Stage, StagedJob
from services.worker.resources import Resources
from shared.jobs import SCRUB
from shared.redaction import given_texts


def _scrub_transcripts(step: Step) -> Done:
    redactions: Counter[str] = Counter()
    done = scrub_some(step.connection, step.worker.archive, step.after, redactions, is_dry_run=step.is_dry_run)
    return step.scrubbed(done.after, done.scanned, done.changed, redactions)


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
    # Archived and live transcripts: archive/scrub_contents.py.
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


def _with_its_texts(worker: Resources, place: Place) -> AbstractContextManager[Any]:
    """Until they are forgotten, the texts that were given are what is replaced."""
    if not _options(place).text_count or place.stage > _FORGETS_AT:
        return nullcontext()
    if (texts := texts_of(worker, place.job_id)) is not None:
        return given_texts.only(texts.plain)
    if place.stage < _FORGETS_AT:
        raise CannotGoOnError(_LOST)
    return nullcontext()


def _options(place: Place) -> Options:
    return Options(place.job_id, **place.row["options"])


def _given(worker: Resources, connection: Connection[Any], place: Place) -> Step:
    return Step(worker, connection, place.after, place.is_dry_run, _options(place), STAGES[place.stage].name)


def _give_up(worker: Resources, place: Place) -> None:
    forget(worker, _options(place))


def _end(_connection: Connection[Any], place: Place, status: str) -> Mapping[str, str]:
    if status != "succeeded" or place.is_dry_run:
        return {}
    return ALWAYS_REMAINS | (OTHER_FORMS if _options(place).text_count else {})


JOB: Final = StagedJob(SCRUB, STAGES, _given, _end, during=_with_its_texts, give_up=_give_up)
