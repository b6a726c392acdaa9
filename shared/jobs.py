"""The kinds of long work that goes in stages: an entry for each. A job is a row of the table `jobs`.

From the entry follow its Celery task, with queue and volumes, and how a job is added (services/ingest/postgres/admin/jobs.py), measured
(services/query/queries/status), forgotten, and found where its worker is gone (services/worker/sweep). Its work is in services/worker/maintenance/jobs.py.
"""

from dataclasses import dataclass
from typing import Final, Literal

from shared.broker import Queue, Volume


class JobTask(str):
    """The name of a kind's Celery task, with its queue and the volumes that it writes."""

    queue = Queue.MAINTENANCE
    writes: frozenset[Volume]

    def __new__(cls, name: str, writes: frozenset[Volume]) -> "JobTask":
        task = super().__new__(cls, name)
        task.writes = writes
        return task


@dataclass(frozen=True, slots=True)
class JobKind:
    """`name`: in the table, the log and the metrics. `writes`: the volumes beside Postgres and Redis."""

    name: str
    writes: frozenset[Volume] = frozenset()
    # One at a time, dry runs aside, so that each counts what it has done itself.
    is_exclusive: bool = False
    # The rule of retention by which it is forgotten.
    kept_as: Literal["jobs", "scrubs"] = "jobs"

    @property
    def task(self) -> JobTask:
        return JobTask(f"job.{self.name}", self.writes)


SCRUB: Final = JobKind("scrub", frozenset({Volume.ARCHIVE, Volume.BLOBS}), kept_as="scrubs")
ERASURE: Final = JobKind("erasure", frozenset({Volume.ARCHIVE, Volume.BLOBS}), kept_as="scrubs")
RETENTION: Final = JobKind("retention", frozenset({Volume.ARCHIVE}), is_exclusive=True)
REPRICE: Final = JobKind("reprice", is_exclusive=True)

KINDS: Final = {kind.name: kind for kind in (SCRUB, ERASURE, RETENTION, REPRICE)}
