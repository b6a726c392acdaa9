"""The Celery app: how its workers run, and which scheduler beat has.

Beat and Flower load it too, so it loads neither tasks nor the database stack: those are 12 MB that only a worker needs.
"""

import gc
import sys
from importlib import import_module
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging
from kombu.transport.redis import QoS

from services.worker import heartbeat
from services.worker.persist.derived_values.error_classes import InvalidRules, error_classes
from services.worker.persist.derived_values.price_file import InvalidPrices, read_file
from services.worker.settings import Settings
from shared.blobs.stores import archive_at, store_at
from shared.broker import celery_settings
from shared.logs import configure_logs
from shared.settings import read_environment

TASKS_MODULE = "services.worker.tasks"
# Reasons: docs/explanation/celery-redis-postgres.md, "Pitfalls of Celery on Redis".
WORKER_SETTINGS: dict[str, Any] = {
    # A task is a wake-up; what it works on is in the journal or in a job's row, so losing one costs a second at most. Acknowledged when it
    # begins: at its end the connection may be another than it came by, and kombu 5.7 ends the worker by that.
    "task_acks_late": False,
    "task_reject_on_worker_lost": False,
    "worker_prefetch_multiplier": 1,
    "worker_pool": "services.worker.pool:TaskPool",
    "worker_autoscaler": "services.worker.pool_size:NeededProcesses",
    # A process of the pool that has not answered after its start is killed. On a busy machine Celery's 4 s are too few for one that gives way.
    "worker_proc_alive_timeout": 120.0,
    "worker_max_tasks_per_child": 50_000,
    "worker_max_memory_per_child": 400_000,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "worker_soft_shutdown_timeout": 5.0,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    # Flower's live view needs them; they cost a task a message and carry no data of ours.
    "worker_send_task_events": True,
    "beat_max_loop_interval": 1,
    "beat_scheduler": "services.worker.sweep.scheduler:LookFirst",
    # Else beat would send a task every night that cleans up results, which are never kept.
    "result_expires": None,
}


def create_app() -> Celery:
    """The app, configured from the environment. Connects to nothing."""
    settings = read_environment(Settings)
    if settings.heartbeat_file:
        heartbeat.keep(settings.heartbeat_file)
    celery = Celery("tracker")
    celery.conf.update(celery_settings(settings.broker_url or settings.redis_url) | WORKER_SETTINGS)
    return celery


@setup_logging.connect(weak=False)
def _configure_logs(**_: object) -> None:
    configure_logs("worker", Settings().log_level)


@celeryd_init.connect(weak=False)
def _have_tasks(**_: object) -> None:
    """At a worker's start. Celery's setting `imports` would make beat and Flower import them as well."""
    import_module(TASKS_MODULE)
    # The pool's processes share what is loaded, as long as nothing writes to it. The garbage collector would.
    gc.collect()
    gc.freeze()


@celeryd_init.connect(weak=False)
def _know_the_store(**_: object) -> None:
    """A wrong URL stops the start, not the first import. Celery ignores any other exception that a signal raises."""
    try:
        settings = Settings()
        store_at(settings.blob_url)
        archive_at(settings.archive_url)
    except ValueError as error:
        sys.exit(str(error))


@celeryd_init.connect(weak=False)
def _know_the_error_classes(**_: object) -> None:
    """Rules that cannot be used stop the start, not the first failed call."""
    try:
        error_classes()
    except InvalidRules as error:
        sys.exit(str(error))


@celeryd_init.connect(weak=False)
def _know_the_prices(**_: object) -> None:
    """A file of prices that cannot be used stops the start, not the first call. Read here, so that all processes of the worker have the same."""
    try:
        read_file(Settings().prices)
    except InvalidPrices as error:
        sys.exit(str(error))


@celeryd_init.connect(weak=False)
def _restore_nothing(**_: object) -> None:
    """If Redis is lost while a task runs, kombu puts its message back over the lost connection, and the worker ends by that.

    Nothing needs it: beat finds the work of a task that was lost.
    """
    QoS.restore_at_shutdown = False


app = create_app()
