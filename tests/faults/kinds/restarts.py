"""Faults: services are stopped in order, one after the other, and there is one too many of them."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.supervision import processes
from tests.faults.kinds.scene import Scene
from tests.faults.pace import stretched, wait_until
from tests.faults.product.stack import SERVICES, Stack
from tests.faults.product.victims import await_death, pid_of, send

STOP_SECONDS = 10.0
START_SECONDS = 60.0
# Each as its supervisor asks it: Postgres for a fast shutdown, the others to finish what they have.
SIGNALS = {"postgres": signal.SIGINT}


def rolling_restart(scene: Scene) -> None:
    """F23. Every service is asked to stop, and the next one when it runs again."""
    for service in SERVICES:
        seconds = restart(scene.stack, service)
        if seconds > stretched(STOP_SECONDS):
            scene.problems.append(f"F23: {service} took {seconds:.1f} s to stop")


def restart(stack: Stack, service: str) -> float:
    """Asks one service to stop, and returns when it runs again. How many seconds its stop took."""
    pid, asked_at = pid_of(stack, service), time.monotonic()
    send([pid], SIGNALS.get(service, signal.SIGTERM))
    await_death([pid], START_SECONDS)
    seconds = time.monotonic() - asked_at
    stack.deaths_wanted[service] += 1
    if not wait_until(lambda: not stack.dead_services() and stack.is_ready(), START_SECONDS):
        raise RuntimeError(f"Not ready {START_SECONDS:.0f} s after a restart of {service}; not running: {stack.dead_services()}")
    return seconds


def second_beat(scene: Scene) -> None:
    """F25. Two processes send the periodic tasks."""
    with one_more(scene.stack, "beat", ["beat", "--pidfile="]):
        scene.last_long()


def second_drain(scene: Scene) -> None:
    """F18. A second worker takes from the first what that has had for a tenth of a second."""
    arguments = ["worker", "--without-gossip", "--without-mingle", "-c", "1", "-Q", "drain", "-n", "second@%h"]
    with one_more(scene.stack, "worker", arguments):
        scene.last_long()


@contextmanager
def one_more(stack: Stack, name: str, arguments: list[str]) -> Iterator[None]:
    """One more process of Celery's, ready; asked to stop at the end."""
    ready, log_file = stack.paths.run / f"second-{name}.is-ready", stack.paths.log(f"second-{name}")
    ready.unlink(missing_ok=True)
    process = processes.spawn(
        [sys.executable, "-m", "deploy.embedded.servers.celery_command", str(ready), "services.worker.app", *arguments],
        log_file=log_file,
        env=stack.service_environment() | {"TRACKER_CLAIM_IDLE_MS": "100"},
        cwd=REPOSITORY,
    )
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None, START_SECONDS)
        if process.poll() is not None:
            raise RuntimeError(f"A second {name} did not start; its log: {log_file}")
        yield
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    processes.ask(process, signal.SIGTERM)
    processes.finish(process, stretched(START_SECONDS))
