"""The faults: each kills something of a running stack with SIGKILL and returns once it is dead. The product has to heal itself."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from deploy.embedded import processes
from tests.faults.stack import Stack

# How long the thing to be killed may need to be there, should it still be starting after the last fault.
ALIVE_SECONDS = 60.0
DEATH_SECONDS = 10.0


@dataclass(frozen=True)
class Fault:
    """`service` is whose death the supervisor sees, None if it sees none and something else heals it."""

    name: str
    kill: Callable[[Stack, Random], None]
    service: str | None


def kill9_worker(stack: Stack, rng: Random) -> None:
    """The Celery worker: with its pool process, or alone, so that the pool process has to notice."""
    pid = _pid_of(stack, "worker-drain")
    pool = _children_of(pid)
    if rng.random() < 0.5:
        os.killpg(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)
    _await_death([pid, *pool])


def kill9_worker_child(stack: Stack, rng: Random) -> None:
    """The worker's pool process, which does the work."""
    found: list[int] = []

    def looked() -> bool:
        found[:] = _children_of(_pid_of(stack, "worker-drain"))
        return bool(found)

    if not processes.wait_until(looked, ALIVE_SECONDS):
        raise RuntimeError("The worker has no pool process.")
    _kill(found)


def kill9_api(stack: Stack, rng: Random) -> None:
    """The process of both API services, with requests in it."""
    _kill([_pid_of(stack, "api")])


def kill9_redis(stack: Stack, rng: Random) -> None:
    """The journal and the broker."""
    _kill([_pid_of(stack, "redis")])


def kill9_postgres(stack: Stack, rng: Random) -> None:
    """The postmaster first, then every process of the server."""
    postmaster = _pid_of(stack, "postgres")
    others = [pid for pid in processes.working_in(stack.paths.postgres) if pid != postmaster]
    _kill([postmaster, *others])


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("worker", kill9_worker, "worker-drain"),
        Fault("worker-child", kill9_worker_child, None),
        Fault("api", kill9_api, "api"),
        Fault("redis", kill9_redis, "redis"),
        Fault("postgres", kill9_postgres, "postgres"),
    )
}


def _pid_of(stack: Stack, service: str) -> int:
    found: list[int] = []

    def looked() -> bool:
        found[:] = [pid for pid in [stack.living_pid(service)] if pid is not None]
        return bool(found)

    if not processes.wait_until(looked, ALIVE_SECONDS):
        raise RuntimeError(f"{service} is not running; its log: {stack.paths.log(service)}")
    return found[0]


def _children_of(parent: int) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _parent_of(entry) == parent]


def _parent_of(entry: Path) -> int | None:
    try:
        fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[1])


def _kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            # A server's process that ended by itself between the look and the kill.
            continue
    _await_death(pids)


def _await_death(pids: list[int]) -> None:
    """A pid may have gone to a stranger meanwhile only after its death, and that fast it does not come round."""
    if not processes.wait_until(lambda: all(processes.started_at(pid) is None for pid in pids), DEATH_SECONDS):
        raise RuntimeError(f"Still alive after SIGKILL: {pids}")
