"""A real stack with access by keys exports every metric that Prometheus and Grafana query."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.supervision.processes import wait_until
from shared.broker import Task
from tests.deploy.monitoring.prometheus_server import Prometheus, prometheus
from tests.deploy.monitoring.sources import alert_expressions, dashboard_expressions, metrics_named
from tests.deploy.monitoring.traffic import make_traffic
from tests.embedded.whole_stack import Eventually, Stack, free_port
from tests.skips import needs

# For Prometheus to have looked twice at everything, on a machine that is busy.
LOOKS_SECONDS = 60
CALM_SECONDS = 120
# Exported only for kinds that have dead letters, looks that failed, and kinds of jobs that go on; here nothing has.
ONLY_DECLARED = {"tracker_dead_letters", "tracker_failed_looks", "tracker_jobs_standing_seconds"}


def make_key(stack: Stack, scope: str) -> str:
    return inside(stack, "deploy.keys", "create", "--scope", scope).strip()


def inside(stack: Stack, *arguments: str) -> str:
    """The output of `python -m` with these arguments, run with the settings of the stack."""
    argv = [sys.executable, "-m", "deploy.embedded.control", "run", *arguments]
    return subprocess.run(argv, cwd=REPOSITORY, env=stack.env, capture_output=True, text=True, check=True).stdout


class Watched:
    """A stack, and what is needed to use and to watch it."""

    def __init__(self, stack: Stack, admin_key: str, key_file: Path) -> None:
        self.stack = stack
        self.url = f"http://127.0.0.1:{stack.port}"
        self.admin_key = admin_key
        self.key_file = key_file
        api = f"127.0.0.1:{stack.port}"
        self.targets = {"ingest": api, "query": api, "flower": f"127.0.0.1:{stack.flower_port}"}

    def exported(self) -> str:
        """All that it tells, the API and Flower."""
        key = {"Authorization": f"Bearer {self.key_file.read_text()}"}
        asked = (
            urllib.request.Request(f"{self.url}/metrics", headers=key),
            urllib.request.Request(f"http://{self.targets['flower']}/metrics"),
        )
        told = ""
        for request in asked:
            with urllib.request.urlopen(request, timeout=5) as answer:
                told += answer.read().decode()
        return told


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    folder = Path(tempfile.mkdtemp(prefix="embedded-"))
    stack = Stack(folder, flower=True)
    stack.env |= {"TRACKER_CANARY_SECONDS": "1"}
    try:
        stack.up()
        admin_key = make_key(stack, "admin")
        key_file = folder / "metrics-key"
        key_file.write_text(make_key(stack, "metrics"))
        stack.control("down")
        assert stack.process is not None
        stack.process.communicate()
        stack.env |= {"TRACKER_ACCESS": "keys"}
        stack.up()
        yield Watched(stack, admin_key, key_file)
        stack.control("down")
    finally:
        if stack.process is not None:
            stack.process.kill()
            stack.process.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def test_every_queried_metric_is_exported_without_user_text(watched: Watched, eventually: Eventually) -> None:
    # Given a stack that has done a little of everything
    make_traffic(watched.url, watched.admin_key)

    # Then what the dashboard and the alerts name is told
    def missing() -> set[str]:
        told = {line.partition("{")[0].partition(" ")[0] for line in watched.exported().splitlines() if not line.startswith("#")}
        return metrics_named() - told

    eventually(lambda: missing() == ONLY_DECLARED)
    for name in ONLY_DECLARED:
        assert f"# TYPE {name} gauge" in watched.exported()

    # And nothing of what was said, where, and in which session
    for secret in ("the key is", "/home/me", "a-session-that-is-watched", "a.py"):
        assert secret not in watched.exported()


@needs("Prometheus")
def test_prometheus_finds_all_targets_up_all_panels_filled_and_no_alert(watched: Watched, eventually: Eventually) -> None:
    with prometheus(f"127.0.0.1:{free_port()}", watched.targets, watched.key_file) as server:

        def is_all_shown() -> bool:
            make_traffic(watched.url, watched.admin_key)
            return set(server.health().values()) == {"up"} and server.without_data(dashboard_expressions()) == {}

        # Given a stack that is used, when Prometheus has looked a few times, then every panel shows something
        wait_until(is_all_shown, LOOKS_SECONDS)
        assert server.health() == dict.fromkeys(watched.targets, "up")
        assert server.without_data(dashboard_expressions()) == {}

        # And every alert can be evaluated, and none is about to fire
        for expression in alert_expressions().values():
            server.query(expression)

        def is_calm() -> bool:
            if set(server.alerts().values()) == {"inactive"}:
                return True
            # The background worker is known to work once it has received two of them; beat sends one a minute.
            inside(watched.stack, "celery", "-A", "services.worker.app", "call", Task.CHECK_ACCOUNTING)
            return False

        assert wait_until(is_calm, CALM_SECONDS), server.alerts()

        # When the API stands still, then that is noticed, and forgotten when it goes on
        assert notices(server, watched.stack.pids()["api"], eventually)


def notices(server: Prometheus, pid: int, eventually: Callable[[Callable[[], bool]], None]) -> bool:
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: server.alerts()["TrackerServiceAway"] == "pending")
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: server.alerts()["TrackerServiceAway"] == "inactive")
    return True
