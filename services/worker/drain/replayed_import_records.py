"""Replayed dead letters of imports. Their records are stored as the job's own, so that its undo removes them too."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from psycopg import Connection

from services.worker.importers.formats.plausible_records import is_plausible
from services.worker.persist.dead_letters import dead_letter_of, persist_isolating, write_dead_letter
from services.worker.persist.ownership import reason_of_refusal
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import Record
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from shared.events.messages import binding
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "replayed_import_records.sql")

NOT_BELIEVED = "its time cannot be true"
TAKEN_BACK = "its import was taken back, or is not known"


def persist_replayed_records(
    connection: Connection[Any], batch: Sequence[ReceivedEvent], *, idle_gap: timedelta
) -> tuple[Persisted, int, int]:
    """Stores records job by job, as persist_isolating() does; gives what is new, how many are dead, and how many are left out.

    A record whose import was undone is not wanted: it becomes a dead letter again. The account counts events, not rows: each stored record
    counts as one message or one duplicate.
    """
    duplicates = dead = left_out = 0
    for journal_entry_id in sorted({received.journal_entry_id for received in batch}):
        of_job = [received for received in batch if received.journal_entry_id == journal_entry_id]
        job = connection.execute(_SQL.job, {"journal_entry_id": journal_entry_id}).fetchone()
        if job is None:
            dead += _write_dead_letters(connection, of_job, TAKEN_BACK)
            continue
        number, bound_user, bound_projects = job
        # Of the job's own key, or of the one that brought what live capture stores.
        bound = binding(bound_user, bound_projects)
        of_job = [replace(received, bound=received.bound or bound) for received in of_job]
        absurd = [received for received in of_job if not is_plausible(cast(Record, received.event), received.received_at)]
        dead += _write_dead_letters(connection, absurd, NOT_BELIEVED)
        of_job = [received for received in of_job if received not in absurd]
        # The staging tables still have what this transaction persisted before.
        clear(connection)
        outcome = persist_isolating(connection, of_job, idle_gap=idle_gap, job_number=number)
        for received in outcome.foreign:
            write_dead_letter(connection, dead_letter_of(received), reason_of_refusal(received))
        dead += len(outcome.dead) + len(outcome.foreign)
        left_out += len(outcome.left_out)
        duplicates += min(outcome.persisted.duplicates, len(of_job) - len(outcome.dead) - len(outcome.refused))
    return Persisted(messages=len(batch) - dead - left_out - duplicates, duplicates=duplicates), dead, left_out


def _write_dead_letters(connection: Connection[Any], batch: Sequence[ReceivedEvent], reason: str) -> int:
    for received in batch:
        write_dead_letter(connection, dead_letter_of(received), reason)
    return len(batch)
