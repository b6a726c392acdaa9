"""The processes of a running stack: found, and killed so that they are really dead."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

from deploy.embedded.supervision import processes
from tests.faults.pace import wait_until
from tests.faults.product.stack import Stack

# How long the thing to be killed may need to be there, should it still be starting after the last fault.
ALIVE_SECONDS = 60.0
DEATH_SECONDS = 10.0


def pid_of(stack: Stack, service: str) -> int:
    """The service's process, as soon as it is alive."""
    found: list[int] = []

    def looked() -> bool:
        found[:] = [pid for pid in [stack.living_pid(service)] if pid is not None]
        return bool(found)

    if not wait_until(looked, ALIVE_SECONDS):
        raise RuntimeError(f"{service} is not running; its log: {stack.paths.log(service)}")
    return found[0]


def ready_pid_of(stack: Stack, service: str) -> int:
    """The same, as soon as it has said that it is ready. A process that is killed again and again before that is given up by the supervisor."""
    if not wait_until(stack.paths.ready(service).exists, ALIVE_SECONDS):
        raise RuntimeError(f"{service} has not become ready; its log: {stack.paths.log(service)}")
    return pid_of(stack, service)


def pool_of(stack: Stack, worker: str) -> list[int]:
    """The pool processes of a worker, as soon as it has one."""
    found: list[int] = []

    def looked() -> bool:
        found[:] = children_of(pid_of(stack, worker))
        return bool(found)

    if not wait_until(looked, ALIVE_SECONDS):
        raise RuntimeError(f"{worker} has no pool process.")
    return found


def postgres_processes(stack: Stack) -> list[int]:
    """The postmaster first, then all others of the server."""
    postmaster = pid_of(stack, "postgres")
    return [postmaster, *(pid for pid in processes.working_in(stack.paths.postgres) if pid != postmaster)]


def children_of(parent: int) -> list[int]:
    """Its living child processes."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _parent_of(entry) == parent]


def _parent_of(entry: Path) -> int | None:
    try:
        fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[1])


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """A signal to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            # It ended by itself between the look and the signal.
            continue


def kill(pids: list[int]) -> None:
    """SIGKILL to each; returns when they are dead."""
    send(pids, signal.SIGKILL)
    await_death(pids)


def await_death(pids: list[int], seconds: float = DEATH_SECONDS) -> None:
    """A pid may have gone to a stranger meanwhile only after its death, and that fast it does not come round."""
    if not wait_until(lambda: all(processes.started_at(pid) is None for pid in pids), seconds):
        raise RuntimeError(f"Still alive {seconds:.0f} s after it should have ended: {pids}")
