"""The pool of a worker whose broker comes back, with Celery's own event loop and a real process."""

import os
import signal

from kombu.asynchronous import Hub, set_event_loop

from deploy.embedded.supervision.processes import wait_until
from services.worker.pool import TaskPool


def test_a_broker_comes_back_while_a_killed_process_is_not_collected_yet() -> None:
    # Given a pool whose only process was killed, and its end was seen by the event loop, which could not start another one
    hub = Hub()
    set_event_loop(hub)
    pool = TaskPool(1, threads=False)
    pool.start()
    try:
        pool.register_with_event_loop(hub)
        [process] = pool._pool._pool
        os.kill(process.pid, signal.SIGKILL)
        assert wait_until(lambda: not process.is_alive(), 60)
        pool._pool._untrack_child_process(process, hub)

        # When the broker is back
        pool.register_with_event_loop(hub)

        # Then the worker goes on, with a process that runs
        pool.maintain_pool()
        [other] = pool._pool._pool
        assert other.pid != process.pid
    finally:
        pool.terminate()
        set_event_loop(None)
