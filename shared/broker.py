"""Names and settings of Celery tasks. They must be the same for the processes that send tasks and those that run them.

Celery carries no data: a task is a wake-up that says "there is work". Data that must not be lost is in the journal or in Postgres.
"""

from enum import StrEnum
from typing import Any, Final

from celery import Celery

from shared.jobs import KINDS
from shared.queues import Queue, Volume
from shared.redis.url import broker


class Task(StrEnum):
    """All tasks but those of jobs (shared/jobs.py): the name, the queue, and the volumes that it writes.

    Every worker of the queue has these volumes (tests/deploy/test_tasks.py).
    """

    DRAIN = "drain", Queue.DRAIN
    CANARY = "canary", Queue.DRAIN
    END_CANCELLED = "import.end_cancelled", Queue.DRAIN
    READ_CAPTURED = "capture.read", Queue.CAPTURE
    SWEEP_UPLOADS = "maintenance.sweep_uploads", Queue.MAINTENANCE, Volume.ARCHIVE, Volume.BLOBS
    CLOSE_IDLE_SESSIONS = "maintenance.close_idle_sessions", Queue.MAINTENANCE
    REMOVE_DEAD_CONSUMERS = "maintenance.remove_dead_consumers", Queue.MAINTENANCE
    FORGET_CHANGES = "maintenance.forget_changes", Queue.MAINTENANCE
    CHECK_ACCOUNTING = "maintenance.check_accounting", Queue.MAINTENANCE
    JOIN_PROJECTS = "maintenance.join_projects", Queue.MAINTENANCE
    ARCHIVE = "maintenance.archive", Queue.MAINTENANCE, Volume.ARCHIVE
    BEGIN_RETENTION = "maintenance.begin_retention", Queue.MAINTENANCE

    queue: Queue
    writes: frozenset[Volume]

    def __new__(cls, name: str, queue: Queue, *writes: Volume) -> "Task":
        task = str.__new__(cls, name)
        task._value_ = name
        task.queue = queue
        task.writes = frozenset(writes)
        return task


BLOCKING_READ_SECONDS: Final = 3

# Every key of Celery in Redis begins with this, so that the broker and the journal can share a database.
KEY_PREFIX: Final = "celery:"


def queue_key(queue: Queue) -> str:
    """The Redis list of messages that wait in a queue, the newest first."""
    return KEY_PREFIX + queue


def celery_settings(redis_url: str) -> dict[str, Any]:
    """The settings that senders and workers share. Reasons: docs/explanation/celery-redis-postgres.md."""
    broker_url, transport_options = broker(redis_url)
    return {
        "broker_url": broker_url,
        "result_backend": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": Queue.DRAIN.value,
        "task_create_missing_queues": True,
        "task_routes": {str(task): {"queue": task.queue.value} for task in (*Task, *(kind.task for kind in KINDS.values()))},
        # A publisher must fail at once: beat sends again what is not sent.
        "task_publish_retry": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "global_keyprefix": KEY_PREFIX,
            "visibility_timeout": 120,
            # Only an import's task is acknowledged at its end, and beat finds a shard whose worker is gone by its lease.
            "unacked_restore_interval": 30,
            "unacked_restore_throttle": 1,
            # How long a worker's blocking read waits in Redis. An idle worker wakes that often; a message ends the wait at once.
            "polling_interval": BLOCKING_READ_SECONDS,
            # Longer than that read.
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 10,
            # One Redis list a queue instead of four: Celery would starve low priorities anyway.
            "priority_steps": [0],
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            **transport_options,
        },
        "enable_utc": True,
    }


def sender(redis_url: str) -> Celery:
    """A Celery app that can only send, by name. Its send may block for the transport's time-outs: call it from a thread."""
    app = Celery("tracker-sender")
    app.conf.update(celery_settings(redis_url))
    return app
