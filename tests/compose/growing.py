"""Four drain workers instead of one: they share the work, and one may go at any time."""

from deploy.containers import compose
from tests.compose.load import Load
from tests.compose.stack import Composed
from tests.faults.pace import wait_until

WORKERS = 4
HEALTHY_SECONDS = 90.0


def scale(stack: Composed, load: Load) -> str:
    """`docker compose up --scale worker-drain=4`, and back to one."""
    load.fault("scaled")
    stack.use()
    # Alone: else the ended container of `migrate` runs again, after an upgrade that of the version before.
    compose.run("up", "--detach", "--no-build", "--no-recreate", "--no-deps", "--scale", f"worker-drain={WORKERS}", "worker-drain")
    assert wait_until(_all_healthy, HEALTHY_SECONDS), compose.run("ps", "worker-drain")
    flow = load.await_flow()
    [first, *_] = stack.ids("worker-drain")
    compose.docker("stop", "--time", "10", first)
    without_one = load.await_flow()
    compose.run("up", "--detach", "--no-build", "--no-recreate", "--no-deps", "--scale", "worker-drain=1", "worker-drain")
    assert wait_until(lambda: len(stack.ids("worker-drain")) == 1, HEALTHY_SECONDS), compose.run("ps", "worker-drain")
    return f"{WORKERS} healthy workers, flowing after {flow:.1f} s; one stopped: {without_one:.1f} s; back to 1: {load.await_flow():.1f} s"


def _all_healthy() -> bool:
    workers = compose.containers("worker-drain")
    return len(workers) == WORKERS and all(one["Health"] == "healthy" for one in workers)
