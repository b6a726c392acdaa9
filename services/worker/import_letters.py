"""Replayed dead letters of imports: records, stored as the job's own, so that its undo takes them back too."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from psycopg import Connection

from services.worker.dead_letters import bury, letter_of, persist_isolating
from services.worker.persist import Persisted
from services.worker.staging import Received, clear

TAKEN_BACK = "its import was taken back, or is not known"

_JOB_NUMBER = """
    SELECT number FROM import_jobs AS j
    WHERE 'import:' || id = %(journal_entry_id)s AND undone_at IS NULL
      AND NOT EXISTS (SELECT FROM import_jobs AS u WHERE u.undoes = j.id AND u.status IN ('queued', 'running', 'succeeded'))"""


def persist_imported(connection: Connection[Any], batch: Sequence[Received], *, idle_gap: timedelta) -> tuple[Persisted, int]:
    """As persist_isolating, job by job; how many are dead. A record whose import was taken back is buried again: it is not wanted.

    An account counts events, whatever rows come of them: each record that is stored counts as one message, or as a duplicate.
    """
    duplicates = dead = 0
    for journal_entry_id in sorted({received.journal_entry_id for received in batch}):
        of_job = [received for received in batch if received.journal_entry_id == journal_entry_id]
        number = connection.execute(_JOB_NUMBER, {"journal_entry_id": journal_entry_id}).fetchone()
        if number is None:
            for received in of_job:
                bury(connection, letter_of(received), TAKEN_BACK)
            dead += len(of_job)
            continue
        # After what the transaction has persisted before.
        clear(connection)
        persisted, buried = persist_isolating(connection, of_job, idle_gap=idle_gap, job_number=number[0])
        dead += len(buried)
        duplicates += min(persisted.duplicates, len(of_job) - len(buried))
    return Persisted(messages=len(batch) - dead - duplicates, duplicates=duplicates), dead
