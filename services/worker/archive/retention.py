"""Deletes what the archive does not keep: with the archive off live transcripts that are quiet, and contents that no transcript refers to.

Transcripts that are older than it keeps them go in a run of retention (services/worker/maintenance/retention/drop_archive.py).
"""

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

import structlog

from services.worker.archive.archive_locks import try_lock_collecting
from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import ARCHIVE_COLLECTED_KEY, EXPIRED_FILES

log = structlog.get_logger()

# A writer refers to what it put within minutes, an import within the time that it takes to read one file. A restored backup has rows that refer
# to contents that were deleted since; they are restored from the backup too.
MIN_AGE: Final = timedelta(days=1)
BATCH: Final = 1_000

# A file to which the drain adds a range at this moment is skipped. Without the lock, the deletion would wait for the drain and then take the range too.
_DELETE_FILES: Final = f"DELETE FROM transcript_files WHERE id IN ({EXPIRED_FILES} FOR UPDATE OF f SKIP LOCKED)"
_REFERRED_TO: Final = "SELECT DISTINCT sha256 FROM transcript_segments WHERE sha256 = ANY(%(sha256s)s)"


def delete_expired(worker: Resources) -> int:
    """With the archive off, deletes live files that are quiet for a day, if nothing of them is archived. Gives their number.

    Their rows are deleted as well, so a machine that goes on with such a file is asked for all of it.
    """
    parameters = {"archive": worker.settings.archive}
    with worker.transaction() as connection:
        deleted = connection.execute(_DELETE_FILES.encode(), parameters).rowcount
    if deleted:
        log.info("transcripts_expired", files=deleted)
    return deleted


def collect_garbage(worker: Resources, min_age: timedelta = MIN_AGE) -> int:
    """Deletes contents that were put a day ago or earlier, and that nothing refers to. Gives their number."""
    started_at = time.time()
    before = datetime.now(UTC) - min_age
    old = (content for content in worker.archive.stored() if content.put_at < before)
    deleted = 0
    is_complete = True
    while batch := list(islice(old, BATCH)):
        found = delete_unneeded(worker, {content.name for content in batch})
        is_complete &= found is not None
        deleted += found or 0
    if deleted:
        log.info("archive_collected", contents=deleted)
    # Else beat finds that it is due again.
    if is_complete:
        worker.redis.set(ARCHIVE_COLLECTED_KEY, started_at)
    return deleted


def delete_unneeded(worker: Resources, names: Collection[str]) -> int | None:
    """How many of these contents were deleted; None if a transaction refers to contents now. The lock keeps others from referring to them meanwhile."""
    sha256s = set(map(bytes.fromhex, names))
    with worker.transaction() as connection:
        needed = {row[0] for row in connection.execute(_REFERRED_TO, {"sha256s": list(sha256s)}).fetchall()}
        if needed == sha256s:
            return 0
        if not try_lock_collecting(connection):
            return None
        needed = {row[0] for row in connection.execute(_REFERRED_TO, {"sha256s": list(sha256s)}).fetchall()}
        unneeded = sha256s - needed
        for sha256 in unneeded:
            worker.archive.delete(sha256.hex())
    return len(unneeded)
