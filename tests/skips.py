"""Every reason for which a test may be skipped. No test has another (tests/docs/test_skips.py), and CONTRIBUTING.md lists them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.embedded.servers.redis_server import server_program, server_version
from deploy.embedded.supervision.processes import StartError

ROOT = Path(__file__).parents[1]
# Real data: where TRACKER_SAMPLES says, else in the folder `shared` beside the repository, or beside a folder above it.
_NEAR = [parent / "shared/samples" for parent in ROOT.parents]
SAMPLES = Path(os.environ.get("TRACKER_SAMPLES") or next((folder for folder in _NEAR if folder.exists()), _NEAR[-1]))
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
CLAUDE = os.environ.get("TRACKER_TEST_CLAUDE") or shutil.which("claude")
KUBERNETES_SCHEMAS = ROOT / ".k8s-schemas/kubernetes_validate/kubernetes-json-schema"


class Need(NamedTuple):
    """The needs of tests that not every machine has, and what to do about each."""

    is_met: Callable[[], bool]
    reason: str


@cache
def docker_runs() -> bool:
    """Whether an engine answers."""
    return (
        shutil.which("docker") is not None
        and subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20).returncode == 0
    )


@cache
def redis_version() -> tuple[int, ...]:
    """The version of the server that tests run against; (0,) without one, which the tests report themselves."""
    try:
        return server_version(server_program())
    except StartError:
        return (0,)


NEEDS = {
    "chromium": Need(lambda: CHROMIUM is not None, "needs a browser (apt install chromium)"),
    "kustomize": Need(lambda: shutil.which("kustomize") is not None, "needs kustomize (apt install kustomize)"),
    "Kubernetes' schemas": Need(KUBERNETES_SCHEMAS.exists, "needs Kubernetes' schemas (make k8s-check brings them)"),
    "promtool": Need(lambda: shutil.which("promtool") is not None, "needs promtool (apt install prometheus)"),
    "Prometheus": Need(lambda: shutil.which("prometheus") is not None, "needs Prometheus (apt install prometheus)"),
    "Docker": Need(docker_runs, "needs a Docker engine"),
    "Redis 7.2": Need(lambda: redis_version() >= (7, 2), "needs WAITAOF, which Redis has from 7.2 on (apt install redis-server)"),
    "Redis 6": Need(lambda: redis_version() < (7,), "needs a Redis older than 7, as the embedded one is"),
    "samples": Need(
        (SAMPLES / "transcripts").exists, "needs samples of real data, which are no part of the project (TRACKER_SAMPLES=folder)"
    ),
    "Claude Code": Need(
        lambda: CLAUDE is not None, "needs Claude Code (npm install -g @anthropic-ai/claude-code, or TRACKER_TEST_CLAUDE=program)"
    ),
    "tmux": Need(lambda: shutil.which("tmux") is not None, "needs a terminal without a screen (apt install tmux)"),
    "curl": Need(lambda: shutil.which("curl") is not None, "needs curl (apt install curl)"),
    "root": Need(lambda: os.geteuid() == 0, "needs root"),
    "a plain user": Need(lambda: os.geteuid() != 0, "needs a plain user, since root may read and write everything"),
    # Whether it may is known when a test has tried.
    "mount": Need(lambda: False, "needs the right to mount a small disk"),
    "Linux": Need(lambda: sys.platform == "linux", "needs Linux; elsewhere services are not forked"),
    "named pipes": Need(lambda: hasattr(os, "mkfifo"), "needs named pipes"),
    ".venv": Need((ROOT / ".venv/bin/python").exists, "needs the environment that make builds"),
    "the embedded servers": Need(
        lambda: os.environ.get("TRACKER_TEST_SERVERS") != "containers", "shows nothing else on containers, which come last in .ci/run"
    ),
    "time": Need(lambda: os.environ.get("TRACKER_FAULTS") == "long", "takes a minute more (TRACKER_FAULTS=long)"),
}


def needs(name: str) -> pytest.MarkDecorator:
    """Marks tests that are skipped where that is missing."""
    return pytest.mark.skipif(not NEEDS[name].is_met(), reason=NEEDS[name].reason)


def skip_without(name: str) -> None:
    """Skips the running test if that is missing."""
    if not NEEDS[name].is_met():
        pytest.skip(NEEDS[name].reason)
