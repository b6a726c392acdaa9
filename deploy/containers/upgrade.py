"""`make compose-upgrade`: replaces the containers by ones of the present images, one after the other, while requests are answered.

The order is that of docs/how-to/upgrade.md: migrate, workers, query, ingest. The new query and ingest are healthy before the old ones are
asked to stop, so the gateway can always reach one. The workers' pause only makes the journal longer. Postgres, Redis and nginx stay.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from deploy.containers import wait
from deploy.containers.compose import ContainersError, as_program, containers, docker, run, say
from shared.quantities import duration

_WORKERS: Final = ("worker-drain", "worker-import", "beat", "flower")
_ANSWERING: Final = ("query", "ingest")
# The gateway asks for the services' addresses every two seconds (deploy/gateway/start.sh). Old and new must both answer for that long.
_ADDRESS_SECONDS: Final = 3.0
_STOP_SECONDS: Final = "15"
_HEALTHY_SECONDS: Final = 120.0
_LOOK_EVERY_SECONDS: Final = 0.5
_UP: Final = ("up", "--detach", "--no-build", "--no-deps")
_RELOAD: Final = ("nginx", "-c", "/etc/nginx/tracker/nginx.conf", "-s", "reload")


def upgrade() -> None:
    """Returns when all runs and is ready. ContainersError names what was unhealthy; containers not yet replaced still run."""
    # Before the first is exchanged: where flower or a second beat is not wanted, it stays away.
    running = _counts()
    if missing := {"gateway", *_ANSWERING, "postgres", "redis"} - running.keys():
        raise ContainersError(f"Not running: {', '.join(sorted(missing))}; there is nothing to keep up, so use `make compose-up`.")
    _step("migrate", lambda: run("run", "--rm", "--no-deps", "migrate"))
    for service in _WORKERS:
        if service in running:
            _step(service, partial(_replace, service, running[service]))
    for service in _ANSWERING:
        _step(service, partial(_exchange, service, running[service]))
    run("exec", "--no-TTY", "gateway", *_RELOAD)
    wait.wait()


def _replace(service: str, count: int) -> None:
    """The old ones end before the new ones begin."""
    run(*_UP, *_scaled(service, count), service)
    if ill := _ill_after_a_while(service, count, old=[]):
        raise ContainersError(f"The new {service} is not healthy after {_HEALTHY_SECONDS:.0f} s; its last words:\n{_last_words(ill)}")


def _exchange(service: str, count: int) -> None:
    """Starts as many new ones beside the old ones, then removes the old ones."""
    old = [one["ID"] for one in containers(service)]
    run(*_UP, "--no-recreate", *_scaled(service, len(old) + count), service)
    _await_healthy(service, count, old)
    time.sleep(_ADDRESS_SECONDS)
    for container in old:
        docker("stop", "--time", _STOP_SECONDS, container)
    for container in old:
        docker("rm", container)


def _await_healthy(service: str, count: int, old: list[str]) -> None:
    """Waits for the new ones; the old ones' health does not matter. New ones that stay unhealthy are removed, and the old ones stay."""
    if ill := _ill_after_a_while(service, count, old):
        words = _last_words(ill)
        for container in ill:
            docker("rm", "--force", container)
        raise ContainersError(
            f"The new {service} was not healthy after {_HEALTHY_SECONDS:.0f} s, so the old one runs on; its last words:\n{words}"
        )


def _ill_after_a_while(service: str, count: int, old: list[str]) -> list[str]:
    """Empty if this many new ones are healthy, else all new ones, with those that have ended."""
    until = time.monotonic() + _HEALTHY_SECONDS
    while True:
        new = [one for one in containers(service, also_stopped=True) if one["ID"] not in old]
        if [one["Health"] for one in new] == ["healthy"] * count:
            return []
        if time.monotonic() > until:
            return [one["ID"] for one in new]
        time.sleep(_LOOK_EVERY_SECONDS)


def _last_words(ones: list[str]) -> str:
    return "\n".join(docker("logs", "--tail", "5", container) for container in ones)


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
    say(f"{name}: {duration((time.monotonic() - since) * 1_000)}")


def main(arguments: list[str]) -> None:  # noqa: ARG001 - it takes none
    """Prints a line for each service."""
    upgrade()
    say(f"Ready on {wait.url()}")


if __name__ == "__main__":
    as_program(main)
