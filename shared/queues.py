"""The queues of Celery tasks, and the volumes that tasks may write. Their tasks are in shared/broker.py and shared/jobs.py."""

from enum import StrEnum


class Queue(StrEnum):
    """Where tasks wait. A worker reads some of these; imports may keep theirs busy for hours, and tasks on the drain's queue must not wait for them."""

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
