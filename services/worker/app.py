"""The Celery app: which queues there are, and what beat rings.

Beat and Flower load it too, so it loads neither tasks nor the database stack: that is 12 MB each which only a worker needs.
"""

import sys
from importlib import import_module
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging
from kombu.transport.redis import QoS

from services.worker import heartbeat
from services.worker.settings import Settings
from shared.blobs.stores import store_at
from shared.broker import (
    TASK_CANARY,
    TASK_CHECK_ACCOUNTING,
    TASK_CLOSE_IDLE_SESSIONS,
    TASK_DRAIN,
    TASK_REMOVE_DEAD_CONSUMERS,
    TASK_SWEEP_IMPORTS,
    TASK_SWEEP_SCRUBS,
    TASK_SWEEP_UPLOADS,
    celery_settings,
)
from shared.logs import configure_logs

TASKS_MODULE = "services.worker.tasks"
# Reasons: RELIABILITY.md §2.3 and §2.4.
WORKER_SETTINGS: dict[str, Any] = {
    # A task is a bell; what it works on is in the journal or in a job's row, so losing one costs a second at most. Acknowledged when it
    # begins: at its end the connection may be another than it came by, and kombu 5.7 ends the worker by that.
    "task_acks_late": False,
    "task_reject_on_worker_lost": False,
    "task_soft_time_limit": 45,
    "task_time_limit": 60,
    "worker_prefetch_multiplier": 1,
    "worker_max_tasks_per_child": 50_000,
    "worker_max_memory_per_child": 400_000,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "worker_soft_shutdown_timeout": 5.0,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    # Flower's live view needs them; they cost a task a message and carry no data of ours.
    "worker_send_task_events": True,
    "beat_max_loop_interval": 1,
}
BEAT_SCHEDULE: dict[str, Any] = {
    "sweep": {"task": TASK_DRAIN, "schedule": 1.0, "options": {"expires": 5}},
    "sweep-imports": {"task": TASK_SWEEP_IMPORTS, "schedule": 5.0, "options": {"expires": 30}},
    "sweep-scrubs": {"task": TASK_SWEEP_SCRUBS, "schedule": 10.0, "options": {"expires": 30}},
    "close-idle-sessions": {"task": TASK_CLOSE_IDLE_SESSIONS, "schedule": 60.0, "options": {"expires": 60}},
    "check-accounting": {"task": TASK_CHECK_ACCOUNTING, "schedule": 60.0, "options": {"expires": 60}},
    "sweep-uploads": {"task": TASK_SWEEP_UPLOADS, "schedule": 600.0, "options": {"expires": 600}},
    "remove-dead-consumers": {"task": TASK_REMOVE_DEAD_CONSUMERS, "schedule": 600.0, "options": {"expires": 600}},
}


def create_app() -> Celery:
    """The app, configured from the environment. Connects to nothing."""
    settings = Settings()
    if settings.heartbeat_file:
        heartbeat.keep(settings.heartbeat_file)
    celery = Celery("tracker")
    celery.conf.update(
        celery_settings(settings.broker_url or settings.redis_url) | WORKER_SETTINGS | {"beat_schedule": BEAT_SCHEDULE | _canary(settings)}
    )
    return celery


def _canary(settings: Settings) -> dict[str, Any]:
    seconds = settings.canary_seconds
    return {"canary": {"task": TASK_CANARY, "schedule": seconds, "options": {"expires": seconds}}} if seconds else {}


@setup_logging.connect(weak=False)
def _configure_logs(**_: object) -> None:
    configure_logs("worker", Settings().log_level)


@celeryd_init.connect(weak=False)
def _have_tasks(**_: object) -> None:
    """A worker begins. Celery's setting `imports` would make beat and Flower import them as well."""
    import_module(TASKS_MODULE)


@celeryd_init.connect(weak=False)
def _know_the_store(**_: object) -> None:
    """A wrong URL stops the start, not the first import. Celery takes any other exception of a signal for none."""
    try:
        store_at(Settings().blob_url)
    except ValueError as error:
        sys.exit(str(error))


@celeryd_init.connect(weak=False)
def _restore_nothing(**_: object) -> None:
    """When Redis is lost while a task runs, kombu puts its message back over the connection that is gone, and the worker ends by that.

    Nothing needs it: a bell rings again, and the sweep finds an import whose worker is gone.
    """
    QoS.restore_at_shutdown = False


app = create_app()
