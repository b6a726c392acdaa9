"""Faults: something is killed with SIGKILL, and stays dead for a while. The product has to heal itself."""

import os
import signal

from tests.faults.kinds.scene import Scene
from tests.faults.product.stack import Stack
from tests.faults.product.victims import await_death, children_of, kill, pid_of, pool_of, postgres_processes, ready_pid_of, send


def worker(scene: Scene) -> None:
    """F1. The Celery worker: with its pool process, or alone, so that the pool process has to notice."""
    with scene.stack.nothing_heals():
        pid = pid_of(scene.stack, "worker-drain")
        pool = children_of(pid)
        if scene.rng.random() < 0.5:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
        await_death([pid, *pool])
        scene.stack.deaths_wanted["worker-drain"] += 1
        scene.last()


def worker_child(scene: Scene) -> None:
    """F2. The worker's pool process, which does the work."""
    kill_worker_child(scene.stack)


def kill_worker_child(stack: Stack) -> None:
    """The worker starts another one by itself."""
    kill(pool_of(stack, "worker-drain"))


def api(scene: Scene) -> None:
    """F3. The process of both API services, with requests in it."""
    with scene.stack.nothing_heals():
        kill_service(scene.stack, "api")
        scene.last()


def redis(scene: Scene) -> None:
    """F4. The journal and the broker."""
    with scene.stack.nothing_heals():
        kill_service(scene.stack, "redis")
        scene.last()


def postgres(scene: Scene) -> None:
    """F9. The postmaster first, then every process of the server."""
    with scene.stack.nothing_heals():
        kill_postgres(scene.stack)
        scene.last()


def kill_postgres(stack: Stack) -> None:
    """All of the server's processes."""
    kill(postgres_processes(stack))
    stack.deaths_wanted["postgres"] += 1


def postmaster(scene: Scene) -> None:
    """F9. The postmaster alone: its other processes have to notice and to end."""
    with scene.stack.nothing_heals():
        kill_service(scene.stack, "postgres")
        scene.last()


def postgres_immediately(scene: Scene) -> None:
    """F9. An immediate shutdown: like a crash, but in order."""
    with scene.stack.nothing_heals():
        everything = postgres_processes(scene.stack)
        send(everything[:1], signal.SIGQUIT)
        await_death(everything)
        scene.stack.deaths_wanted["postgres"] += 1
        scene.last()


def background_worker(scene: Scene) -> None:
    """The worker of imports and of the sweeps, with its pool."""
    pid = ready_pid_of(scene.stack, "worker-background")
    with scene.stack.nothing_heals():
        pool = children_of(pid)
        os.killpg(pid, signal.SIGKILL)
        await_death([pid, *pool])
        scene.stack.deaths_wanted["worker-background"] += 1
        scene.last()


def beat(scene: Scene) -> None:
    """F25. Without the sweep of each second only ingest's wake-ups are left."""
    ready_pid_of(scene.stack, "beat")
    with scene.stack.nothing_heals():
        kill_service(scene.stack, "beat")
        scene.last_long()


def kill_service(stack: Stack, service: str) -> None:
    """One process that the supervisor watches."""
    kill([pid_of(stack, service)])
    stack.deaths_wanted[service] += 1
