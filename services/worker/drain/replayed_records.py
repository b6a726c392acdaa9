"""Replayed dead letters of imports: records, stored as the job's own, so that its undo takes them back too."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

from psycopg import Connection

from services.worker.importers.formats.plausible_records import is_believed
from services.worker.persist.dead_letters import bury, letter_of, persist_isolating
from services.worker.persist.ownership import foreign_among
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import Record
from services.worker.persist.staging import Received, clear

NOT_YOURS = "its session is another user's, and its import came by a key that is bound to one"
NOT_BELIEVED = "its time cannot be true"
TAKEN_BACK = "its import was taken back, or is not known"

_JOB = """
    SELECT number, (SELECT j.user_name FROM api_keys AS k WHERE k.id = j.key_id AND k.user_name IS NOT NULL) AS bound_user FROM import_jobs AS j
    WHERE 'import:' || id = %(journal_entry_id)s AND undone_at IS NULL
      AND NOT EXISTS (SELECT FROM import_jobs AS u WHERE u.undoes = j.id AND u.status IN ('queued', 'running', 'succeeded'))"""


def persist_imported(connection: Connection[Any], batch: Sequence[Received], *, idle_gap: timedelta) -> tuple[Persisted, int]:
    """As persist_isolating, job by job; how many are dead. A record whose import was taken back is buried again: it is not wanted.

    An account counts events, whatever rows come of them: each record that is stored counts as one message, or as a duplicate.
    """
    duplicates = dead = 0
    for journal_entry_id in sorted({received.journal_entry_id for received in batch}):
        of_job = [received for received in batch if received.journal_entry_id == journal_entry_id]
        job = connection.execute(_JOB, {"journal_entry_id": journal_entry_id}).fetchone()
        if job is None:
            dead += _bury_all(connection, of_job, TAKEN_BACK)
            continue
        number, bound_user = job
        if bound_user is not None:
            foreign = {record.id for record in foreign_among(connection, bound_user, [cast(Record, received.event) for received in of_job])}
            dead += _bury_all(connection, [received for received in of_job if received.event.id in foreign], NOT_YOURS)
            of_job = [received for received in of_job if received.event.id not in foreign]
        absurd = [received for received in of_job if not is_believed(cast(Record, received.event), received.received_at)]
        dead += _bury_all(connection, absurd, NOT_BELIEVED)
        of_job = [received for received in of_job if received not in absurd]
        # After what the transaction has persisted before.
        clear(connection)
        persisted, buried = persist_isolating(connection, of_job, idle_gap=idle_gap, job_number=number)
        dead += len(buried)
        duplicates += min(persisted.duplicates, len(of_job) - len(buried))
    return Persisted(messages=len(batch) - dead - duplicates, duplicates=duplicates), dead


def _bury_all(connection: Connection[Any], batch: Sequence[Received], reason: str) -> int:
    for received in batch:
        bury(connection, letter_of(received), reason)
    return len(batch)
