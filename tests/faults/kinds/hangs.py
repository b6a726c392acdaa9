"""Faults: something is there and does nothing."""

import signal

import psycopg

from tests.faults.kinds.scene import Scene
from tests.faults.pace import wait_until
from tests.faults.product.victims import children_of, pid_of, send

FOUND_SECONDS = 10.0
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tracker-worker'"


def redis(scene: Scene) -> None:
    """F5. Redis is suspended: it takes connections and says nothing."""
    _suspend(scene, [pid_of(scene.stack, "redis")])


def worker(scene: Scene) -> None:
    """The worker and its pool are suspended, perhaps in the middle of a transaction, and go on later as if nothing had been."""
    pid = pid_of(scene.stack, "worker-drain")
    _suspend(scene, [pid, *children_of(pid)])


def postgres_backend(scene: Scene) -> None:
    """F11. The workers' servers in Postgres are suspended, with the locks they hold."""
    found: list[int] = []

    def looked() -> bool:
        try:
            with scene.stack.database() as connection:
                found[:] = [pid for (pid,) in connection.execute(_BACKENDS).fetchall() if isinstance(pid, int)]
        except psycopg.OperationalError:
            return False
        return bool(found)

    if wait_until(looked, FOUND_SECONDS):
        _suspend(scene, found)


def rollup_lock(scene: Scene) -> None:
    """F11. A lock on a table of aggregates, held by a stranger: the worker gives up and tries again, until it is gone."""
    try:
        with scene.stack.database() as connection:
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            connection.autocommit = False
            connection.execute("LOCK TABLE activity_rollups IN SHARE MODE")
            scene.last_long()
    except psycopg.OperationalError as error:
        # Another fault has taken Postgres away meanwhile, or the lock was not to be had.
        scene.notes.append(f"rollup-lock was not held to its end: {type(error).__name__}")


def _suspend(scene: Scene, pids: list[int]) -> None:
    send(pids, signal.SIGSTOP)
    try:
        scene.last_long()
    finally:
        send(pids, signal.SIGCONT)
