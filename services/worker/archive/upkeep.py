"""The archive's upkeep, one run of it: ranges become segments, old transcripts go, and once a day garbage is collected."""

import time
from typing import Any

from services.worker.archive.compaction import compact
from services.worker.archive.retention import collect_garbage, delete_expired
from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import ARCHIVE_COLLECTED_KEY, COLLECT_SECONDS


def run(worker: Resources) -> bool:
    """True if there is more to do at once."""
    if worker.settings.archive and compact(worker):
        return True
    delete_expired(worker)
    collected_at: Any = worker.redis.get(ARCHIVE_COLLECTED_KEY)
    if time.time() > float(collected_at or 0) + COLLECT_SECONDS:
        collect_garbage(worker)
    return False
