"""Names and settings of Celery tasks. They must be the same for the processes that send tasks and those that run them.

Celery carries no data: a task is a wake-up that says "there is work". Data that must not be lost is in the journal or in Postgres.
"""

from typing import Any, Final

from celery import Celery

from shared.redis.url import broker

QUEUE_DRAIN: Final = "drain"
QUEUE_CAPTURE: Final = "capture"
QUEUE_INDEX: Final = "index"
QUEUE_IMPORT: Final = "import"
QUEUE_MAINTENANCE: Final = "maintenance"

TASK_DRAIN: Final = "drain"
TASK_READ_CAPTURED: Final = "capture.read"
TASK_INDEX: Final = "search.index"
TASK_RUN_IMPORT: Final = "import.run"
TASK_END_CANCELLED: Final = "import.end_cancelled"
TASK_SWEEP_UPLOADS: Final = "maintenance.sweep_uploads"
TASK_CLOSE_IDLE_SESSIONS: Final = "maintenance.close_idle_sessions"
TASK_REMOVE_DEAD_CONSUMERS: Final = "maintenance.remove_dead_consumers"
TASK_CANARY: Final = "canary"
TASK_CHECK_ACCOUNTING: Final = "maintenance.check_accounting"
TASK_SCRUB: Final = "maintenance.scrub"
TASK_ERASE: Final = "maintenance.erase"
TASK_MERGE_USERS: Final = "maintenance.merge_users"
TASK_REKEY_PROJECT: Final = "maintenance.rekey_project"
TASK_JOIN_PROJECTS: Final = "maintenance.join_projects"
TASK_ARCHIVE: Final = "maintenance.archive"
TASK_RETENTION: Final = "maintenance.retention"
TASK_REPRICE: Final = "maintenance.reprice"

# Which queue a task waits in. Imports may keep their workers busy for hours; tasks on the drain's queue must not wait for them.
QUEUES: Final = {
    TASK_DRAIN: QUEUE_DRAIN,
    TASK_CANARY: QUEUE_DRAIN,
    TASK_END_CANCELLED: QUEUE_DRAIN,
    TASK_READ_CAPTURED: QUEUE_CAPTURE,
    TASK_INDEX: QUEUE_INDEX,
    TASK_RUN_IMPORT: QUEUE_IMPORT,
    TASK_SWEEP_UPLOADS: QUEUE_MAINTENANCE,
    TASK_CLOSE_IDLE_SESSIONS: QUEUE_MAINTENANCE,
    TASK_REMOVE_DEAD_CONSUMERS: QUEUE_MAINTENANCE,
    TASK_CHECK_ACCOUNTING: QUEUE_MAINTENANCE,
    TASK_SCRUB: QUEUE_MAINTENANCE,
    TASK_MERGE_USERS: QUEUE_MAINTENANCE,
    TASK_REKEY_PROJECT: QUEUE_MAINTENANCE,
    TASK_JOIN_PROJECTS: QUEUE_MAINTENANCE,
    TASK_ARCHIVE: QUEUE_MAINTENANCE,
    TASK_RETENTION: QUEUE_MAINTENANCE,
    TASK_REPRICE: QUEUE_MAINTENANCE,
}

BLOCKING_READ_SECONDS: Final = 3

# Every key of Celery in Redis begins with this, so that the broker and the journal can share a database.
KEY_PREFIX: Final = "celery:"


def queue_key(queue: str) -> str:
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
        "task_default_queue": QUEUE_DRAIN,
        "task_create_missing_queues": True,
        "task_routes": {task: {"queue": queue} for task, queue in QUEUES.items()},
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
