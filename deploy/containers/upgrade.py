"""`make compose-upgrade`: exchanges the containers for those of the images that are there now, one after the other, while requests are answered.

The order is that of deploy/runbook.md: migrate, workers, query, ingest. Of query and ingest the new one is healthy before the old one is
asked to stop, so that the gateway always has one to go to; the workers' pause only makes the journal longer. Postgres, Redis and nginx stay.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from deploy.containers import wait
from deploy.containers.compose import ContainersError, as_program, containers, docker, run, say

_WORKERS: Final = ("worker-drain", "worker-import", "beat", "flower")
_ANSWERING: Final = ("query", "ingest")
# The gateway asks for the services' addresses every two seconds (deploy/gateway/upstreams.conf): so long both, new and old, are right.
_ADDRESS_SECONDS: Final = 3.0
_STOP_SECONDS: Final = "15"
_UP: Final = ("up", "--detach", "--no-build", "--no-deps")
_RELOAD: Final = ("nginx", "-c", "/etc/nginx/tracker/nginx.conf", "-s", "reload")


def upgrade() -> None:
    """Returns when all runs and is ready. ContainersError with what was not well; what was not yet exchanged still runs as it was."""
    # Before the first is exchanged: where flower or a second beat is not wanted, it stays away.
    running = _counts()
    if missing := {"gateway", *_ANSWERING, "postgres", "redis"} - running.keys():
        raise ContainersError(f"Not running: {', '.join(sorted(missing))}; there is nothing to keep up, so use `make compose-up`.")
    _step("migrate", lambda: run("run", "--rm", "--no-deps", "migrate"))
    for service in _WORKERS:
        if service in running:
            _step(service, partial(run, *_UP, *_scaled(service, running[service]), service))
    for service in _ANSWERING:
        _step(service, partial(_exchange, service, running[service]))
    run("exec", "--no-TTY", "gateway", *_RELOAD)
    wait.wait()


def _exchange(service: str, count: int) -> None:
    """As many new ones beside the old ones, then without the old ones."""
    old = [one["ID"] for one in containers(service)]
    run(*_UP, "--no-recreate", "--wait", *_scaled(service, len(old) + count), service)
    time.sleep(_ADDRESS_SECONDS)
    for container in old:
        docker("stop", "--time", _STOP_SECONDS, container)
    for container in old:
        docker("rm", container)


def _scaled(service: str, count: int) -> list[str]:
    return ["--scale", f"{service}={count}"]


def _counts() -> dict[str, int]:
    """How many containers each running service has."""
    counts: dict[str, int] = {}
    for one in containers():
        counts[one["Service"]] = counts.get(one["Service"], 0) + 1
    return counts


def _step(name: str, act: Callable[[], object]) -> None:
    since = time.monotonic()
    act()
    say(f"{name}: {time.monotonic() - since:.1f} s")


def main(arguments: list[str]) -> None:  # noqa: ARG001 - it takes none
    """Prints a line a service."""
    upgrade()
    say(f"Ready on {wait.url()}")


if __name__ == "__main__":
    as_program(main)
