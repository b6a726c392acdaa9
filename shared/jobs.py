"""The kinds of long work: an entry for each.

From the entry follow its Celery task, the queue and the volumes of it, how a job is added (services/ingest/postgres/admin/jobs.py), found where its
worker is gone (services/worker/sweep), measured (services/query/queries/status) and forgotten. Its work is found in services/worker/tasks.py.

Work in stages is a row of `jobs`. Work on files is a row of `import_jobs`, in shards with leases of their own. A merge of users or of projects is a
state of their rows. `UNFINISHED` is SQL of all that has not ended.
"""

from dataclasses import dataclass
from typing import Final, Literal

from shared.queues import Queue, Volume
from shared.sql_files import SqlFile

UNFINISHED: Final = SqlFile(__package__, "jobs.sql").unfinished


class JobTask(str):
    """The name of a kind's Celery task, with its queue and the volumes that it writes."""

    queue: Queue
    writes: frozenset[Volume]

    def __new__(cls, name: str, queue: Queue, writes: frozenset[Volume]) -> "JobTask":
        task = super().__new__(cls, name)
        task.queue = queue
        task.writes = writes
        return task


@dataclass(frozen=True, slots=True)
class JobKind:
    """`name`: in the tables, the log and the metrics. `writes`: the volumes beside Postgres and Redis."""

    name: str
    writes: frozenset[Volume] = frozenset()
    queue: Queue = Queue.MAINTENANCE
    # One at a time, dry runs aside, so that each counts what it has done itself.
    is_exclusive: bool = False
    # The rule of retention by which it is forgotten.
    kept_as: Literal["jobs", "scrubs"] = "jobs"
    # The stage that a job of files shows while a worker has it.
    stage: str | None = None
    # A job of files that the route of import jobs cancels.
    can_be_cancelled: bool = False

    @property
    def task(self) -> JobTask:
        return JobTask(f"job.{self.name.replace(' ', '_')}", self.queue, self.writes)


_ARCHIVE: Final = frozenset({Volume.ARCHIVE})
_BOTH: Final = frozenset({Volume.ARCHIVE, Volume.BLOBS})

SCRUB: Final = JobKind("scrub", _BOTH, kept_as="scrubs")
ERASURE: Final = JobKind("erasure", _BOTH, kept_as="scrubs")
RETENTION: Final = JobKind("retention", _ARCHIVE, is_exclusive=True)
REPRICE: Final = JobKind("reprice", is_exclusive=True)

IMPORT: Final = JobKind("import", _BOTH, Queue.IMPORT, stage="reading", can_be_cancelled=True)
UNDO: Final = JobKind("undo", _BOTH, Queue.IMPORT, stage="undoing")
REPARSE: Final = JobKind("reparse", _BOTH, Queue.IMPORT, stage="reparsing", can_be_cancelled=True)
EXPORT: Final = JobKind("export", _BOTH, Queue.IMPORT, stage="writing")

MERGE_OF_USERS: Final = JobKind("merge of users")
MERGE_OF_PROJECTS: Final = JobKind("merge of projects")

KINDS: Final = {
    kind.name: kind for kind in (SCRUB, ERASURE, RETENTION, REPRICE, IMPORT, UNDO, REPARSE, EXPORT, MERGE_OF_USERS, MERGE_OF_PROJECTS)
}
