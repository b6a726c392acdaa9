"""Every task has a worker that may write what the task writes: under compose, in Kubernetes, and embedded (shared/broker.py)."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from deploy.embedded.supervision import stack
from services.worker import tasks
from shared.broker import Task
from shared.jobs import KINDS, JobTask
from shared.queues import Volume
from tests.deploy.compose_file import SERVICES
from tests.k8s.manifests import environment, pods

ALL: list[Task | JobTask] = [*Task, *(kind.task for kind in KINDS.values())]
URLS = {Volume.ARCHIVE: "TRACKER_ARCHIVE_URL", Volume.BLOBS: "TRACKER_BLOB_URL"}


class Worker(NamedTuple):
    """Which queues it reads, which volumes it may write, and which servers it does not reach."""

    name: str
    queues: set[str]
    writes: set[Volume]
    misses: set[str]


def composed() -> list[Worker]:
    found = []
    for name, service in SERVICES.items():
        if queues := queues_of(service.get("command", [])):
            mounts = {volume.split(":")[1] for volume in service.get("volumes", []) if not volume.endswith(":ro")}
            urls = {variable: re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value or "") for variable, value in service["environment"].items()}
            misses = {server for server in ("postgres", "redis") if not set(service["networks"]) & set(SERVICES[server]["networks"])}
            found.append(Worker(name, queues, writable(urls, mounts), misses | without_url(urls)))
    return found


def in_kubernetes(overlay: str) -> list[Worker]:
    found = []
    for pod in pods(overlay):
        container = pod.spec["containers"][0]
        if queues := queues_of(container.get("command", [])):
            mounts = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
            urls = environment(container, overlay)
            misses = {server for server in ("postgres", "redis") if pod.labels.get(f"reaches-{server}") != "yes"}
            found.append(Worker(pod.name, queues, writable(urls, mounts), misses | without_url(urls)))
    return found


def embedded() -> list[Worker]:
    """All of them are processes of one user, on one disk."""
    return [Worker(name, set(queues.split(",")), set(Volume), set()) for name, queues in stack.WORKERS.items()]


def queues_of(command: list[str]) -> set[str]:
    return set(command[command.index("-Q") + 1].split(",")) if "-Q" in command else set()


def writable(urls: Mapping[str, str], mounts: set[str]) -> set[Volume]:
    """A bucket is no volume: who has its key may write it."""
    stores = {volume: urlsplit(urls[variable]) for volume, variable in URLS.items() if urls.get(variable)}
    return {volume for volume, url in stores.items() if url.scheme == "s3" or url.path in mounts}


def without_url(urls: Mapping[str, str]) -> set[str]:
    return {name for name in ("TRACKER_DATABASE_URL", "TRACKER_REDIS_URL") if name not in urls}


@pytest.mark.parametrize("way", ["compose", "single", "production", "embedded"])
def test_every_task_has_a_worker_and_each_of_them_may_write_what_it_writes(way: str) -> None:
    workers = {"compose": composed, "embedded": embedded}[way]() if way in ("compose", "embedded") else in_kubernetes(way)

    of_task = {task: [worker for worker in workers if task.queue in worker.queues] for task in ALL}

    assert [task for task, readers in of_task.items() if not readers] == [], "nobody reads their queue"
    assert [(task, worker.name) for task, readers in of_task.items() for worker in readers if task.writes - worker.writes] == []
    assert {worker.name: worker.misses for worker in workers if worker.misses} == {}
    assert {queue for worker in workers for queue in worker.queues} == {task.queue for task in ALL}, "a queue without a task"


def test_every_task_has_its_function() -> None:
    ours = {name for name in tasks.app.tasks if not name.startswith("celery.")}

    assert ours == set(ALL)
