"""Brings the search index up to date with what a run drops. Triggers note each dropped row; the indexer reads the notes, and a run helps it.

The documents go some seconds behind their rows, many in one transaction, in which a word is counted once. A run takes half the time of one that deletes
them with their rows (docs/evidence/disk.md), and succeeds only when they are gone.
"""

import time
from typing import Final

from services.worker.maintenance.retention.retention_stage import Done, Step
from services.worker.maintenance.staged_job import POLL_SECONDS
from services.worker.resources import Resources
from services.worker.search_index.index_pending import index_pending

# A note has up to 256 rows. What a dropped result said stays in search_former_results until its note is read.
MOST_NOTES: Final = 200

_LAST_NOTE: Final = "SELECT max(number) FROM search_pending WHERE kind <> 'backfill'"
_HAS_NOTES: Final = "SELECT EXISTS (SELECT FROM search_pending WHERE number <= %(number)s AND kind <> 'backfill')"
_IS_BEHIND: Final = "SELECT count(*) > %(most)s FROM (SELECT FROM search_pending LIMIT %(most)s + 1) AS first"


def catch_up(worker: Resources, seconds: float) -> bool:
    """Indexes while too many notes wait, for so long. True if no more than MOST_NOTES wait then."""
    ends_at = time.monotonic() + seconds
    while _is_behind(worker):
        # Another process may be indexing.
        if not index_pending(worker):
            time.sleep(POLL_SECONDS)
        if time.monotonic() > ends_at:
            return not _is_behind(worker)
    return True


def _is_behind(worker: Resources) -> bool:
    with worker.transaction() as connection:
        [(is_behind,)] = connection.execute(_IS_BEHIND, {"most": MOST_NOTES}).fetchall()
    return bool(is_behind)


def index_dropped(step: Step) -> Done:
    """Indexes until the notes are done that there were at the stage's beginning."""
    number = step.after or _last_note(step)
    if number is None:
        return Done(None)
    goes_on = index_pending(step.worker)
    [(has_notes,)] = step.connection.execute(_HAS_NOTES, {"number": int(number)}).fetchall()
    return Done(number if has_notes else None, waits=has_notes and not goes_on)


def _last_note(step: Step) -> str | None:
    [(number,)] = step.connection.execute(_LAST_NOTE).fetchall()
    return None if number is None else str(number)
