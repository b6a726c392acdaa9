"""The queues of Celery tasks, and the volumes that tasks may write. Their tasks are in shared/broker.py and shared/jobs.py."""

from enum import StrEnum


class Queue(StrEnum):
    """The queues of tasks. A worker reads some of them. Imports may keep theirs busy for hours, and the drain's tasks must not wait for them."""

    DRAIN = "drain"
    CAPTURE = "capture"
    IMPORT = "import"
    MAINTENANCE = "maintenance"


class Volume(StrEnum):
    """A folder that a task may write, where it is no bucket. All tasks write Postgres and Redis."""

    # Contents of transcripts, and archives of exports.
    ARCHIVE = "archive"
    # Uploads, until their import is done.
    BLOBS = "blobs"
