"""Containers are killed and restarted under load; each time everything must recover by itself."""

import os
import signal
import time

from deploy.containers import compose
from tests.compose.load import Load
from tests.compose.stack import Composed
from tests.faults.pace import stretched, wait_until

KILLED = ("worker-drain", "worker-import", "ingest", "query", "beat", "redis", "postgres", "gateway")
RESTARTED = ("worker-drain", "worker-import", "ingest", "query", "gateway", "redis", "postgres")
STOP_SECONDS = 10.0
KILL_SECONDS = 60.0
BACK_SECONDS = 120.0


def kill_each(stack: Composed, load: Load) -> str:
    """SIGKILL to each one's first process: the engine starts it again, as after a crash."""
    told = []
    for service in KILLED:
        load.fault(f"killed {service}")
        [container, *_] = stack.ids(service)
        _crash(stack, container)
        told.append(f"{service} {load.await_flow():.1f} s")
    return f"flowing again after: {', '.join(told)}"


def restart_each(stack: Composed, load: Load) -> str:
    """SIGTERM, as an upgrade sends it."""
    stops, flows = [], []
    for service in RESTARTED:
        load.fault(f"restarted {service}")
        [container, *_] = stack.ids(service)
        stops.append(stop(service, container))
        compose.docker("start", container)
        flows.append(load.await_flow())
    return f"stopped within {max(stops):.1f} s each, flowing again after {max(flows):.1f} s at most"


_SERVERS = ("postgres", "redis")


def stop_each(stack: Composed) -> str:
    """Every container ends within ten seconds and without an error. Postgres and Redis are last, as `docker compose down` stops them:
    Celery 5.7 ends with an AttributeError if its stop signal comes while it connects to a broker again."""
    stack.use()
    containers = sorted(compose.containers(), key=lambda one: one["Service"] in _SERVERS)
    seconds = {one["Service"]: stop(one["Service"], one["ID"]) for one in containers}
    return ", ".join(f"{service} {taken:.1f} s" for service, taken in seconds.items())


def stop(service: str, container: str) -> float:
    """Seconds that a container takes to end in order. RuntimeError if it has to be killed, or ends with an error."""
    since = time.monotonic()
    compose.docker("stop", "--time", str(round(stretched(KILL_SECONDS))), container)
    seconds = time.monotonic() - since
    code = compose.docker("inspect", "--format", "{{.State.ExitCode}}", container)
    if seconds > stretched(STOP_SECONDS) or code not in ("0", "143"):
        raise RuntimeError(f"{service} took {seconds:.1f} s to stop, with exit code {code}; at most {STOP_SECONDS:.0f} s and 0 are right.")
    return seconds


def _crash(stack: Composed, container: str) -> None:
    """`docker kill` would count as a wish, after which nothing is started again; a signal from outside does not."""
    state = stack.inspect(container)["State"]
    os.kill(state["Pid"], signal.SIGKILL)
    if not wait_until(lambda: _is_back(stack, container, state["StartedAt"]), BACK_SECONDS):
        raise RuntimeError(f"{container} was killed and not started again: {stack.inspect(container)['State']}")


def _is_back(stack: Composed, container: str, started_before: str) -> bool:
    state = stack.inspect(container)["State"]
    return state["Running"] and state["StartedAt"] != started_before
